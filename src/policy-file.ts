import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Config } from './config.ts'
import type { Policy } from './domain/policy.ts'

const MOST_NAMES = 1_000
const MOST_MARKETS = 10_000

const names = z
  .array(z.string().trim().min(1, 'expected an id or a slug, got an empty text').max(500))
  .max(MOST_NAMES)
  .default([])
const named = { markets: names, events: names, series: names, tags: names }
const count = z.number().int('expected a whole number').min(0).max(MOST_MARKETS)

const schema = z.strictObject({
  ...named,
  top: count.default(0),
  exclude: z.strictObject(named).prefault({}),
  max: count.min(1).default(MOST_MARKETS),
})

const EXPECTED =
  'expected {"top":50,"markets":["<id or slug>"],"events":["<slug>"],"series":["<slug>"],"tags":["<slug>"],' +
  '"exclude":{"markets":[],"events":[],"series":[],"tags":[]},"max":500}, each of them optional but one'

const reasonOf = ({ path, message }: z.core.$ZodIssue): string =>
  path.length === 0 ? message : `${path.join('.')}: ${message}`

/** @throws Error that says what was expected and what came. */
export const parsePolicy = (text: string): Policy => {
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    throw new Error(`not JSON: "${text.slice(0, 80)}"; ${EXPECTED}`)
  }
  const result = schema.safeParse(object)
  if (!result.success) throw new Error(`${result.error.issues.map(reasonOf).join('; ')}; ${EXPECTED}`)
  const { top, markets, events, series, tags } = result.data
  if (top + markets.length + events.length + series.length + tags.length === 0) {
    throw new Error(`it wants no market at all: name some, or set "top"; ${EXPECTED}`)
  }
  return result.data
}

/** `POLYTAPE_MARKETS` and `POLYTAPE_TOP` as a policy: a list, or where there is none the top ones. */
export const shorthandPolicy = (markets: string[], top: number): Policy => {
  const none = { markets: [], events: [], series: [], tags: [] }
  return { ...none, markets, top: markets.length > 0 ? 0 : top, exclude: none, max: MOST_MARKETS }
}

/** JSON itself, which no path begins like. */
export const isPolicyText = (given: string): boolean => given.trimStart().startsWith('{')

/** @throws Error where the policy, given as text or by the path of a file, cannot be read or does not fit. */
export const readPolicyOf = async (given: string): Promise<Policy> =>
  parsePolicy(isPolicyText(given) ? given : await readFile(given, 'utf8'))

/** @throws Error where the policy, whether text or a file, does not fit. */
export const checkPolicy = async ({ POLYTAPE_POLICY: given }: Config): Promise<void> => {
  if (given === undefined) return
  await readPolicyOf(given).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`POLYTAPE_POLICY does not fit: ${reason}`, { cause: error })
  })
}

/** A text cannot be mended while the process runs; a file can, and what is recorded goes on until then. */
export const checkPolicyText = async (config: Config): Promise<void> => {
  if (config.POLYTAPE_POLICY !== undefined && isPolicyText(config.POLYTAPE_POLICY)) await checkPolicy(config)
}
