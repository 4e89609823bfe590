import { Connection, type ConnectionOptions } from '@temporalio/client'

export const SEARCH_ATTRIBUTES = ['MarketState', 'MarketSlug', 'FeedGroup']

/** `temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD` */
const KEYWORD = 2

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Registers what is missing at a Temporal that is not ours.
 *
 * @returns a line for the operator; lack of the right is one of its answers, an unreachable server an error.
 */
export const registerSearchAttributes = async (options: ConnectionOptions, namespace: string): Promise<string> => {
  const connection = await Connection.connect({ connectTimeout: 10_000, ...options })
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace })
    const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in customAttributes))
    if (missing.length === 0) return 'search attributes are there'
    const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]))
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes })
    return `registered search attributes ${missing.join(', ')}`
  } catch (error) {
    const flags = SEARCH_ATTRIBUTES.map((name) => `--name ${name} --type Keyword`).join(' ')
    return `could not register search attributes (${messageOf(error)}); somebody who may has to run: temporal operator search-attribute create --namespace ${namespace} ${flags}`
  } finally {
    await connection.close()
  }
}
