import { randomBytes } from 'node:crypto'
import type { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { CATALOG_CHANGES_CHANNEL } from '../domain/keys.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { reasonOf } from './until-reachable.ts'

/** What comes within this time shares a run. */
const COALESCE_MS = 50
const MARKETS_A_RUN = 100
/** More than the venue announces in a day. What is above is found by the schedule within a minute. */
const MOST_PENDING = 10_000
const AGAIN_MS = 1_000

export type CatalogChanges = Disposable & {
  /** False where too many wait already: the schedule will find it. */
  want(marketId: string): boolean
}

type Deps = { start: (marketIds: string[]) => Promise<void>; subscriber: Redis; log: Logger; stats: Stats }

/** Ids that neither the schedule's runs nor those of another process can have. */
export const startRefresh =
  (client: Client) =>
  async (marketIds: string[]): Promise<void> => {
    await client.workflow.start('refreshCatalog', {
      taskQueue: 'control',
      workflowId: `refreshCatalog:changes:${Date.now()}-${randomBytes(4).toString('hex')}`,
      args: [{ markets: marketIds }],
      staticSummary: `${marketIds.length} markets of which something was heard, first ${marketIds[0] ?? ''}`,
    })
  }

/** Runs `refreshCatalog` at once for the markets of which something was heard, by the venue's broadcasts or a webhook. */
export const openCatalogChanges = async ({ start, subscriber, log, stats }: Deps): Promise<CatalogChanges> => {
  const pending = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  const flush = async (): Promise<void> => {
    const marketIds = [...pending].slice(0, MARKETS_A_RUN)
    for (const marketId of marketIds) pending.delete(marketId)
    let waitMs = COALESCE_MS
    try {
      await start(marketIds)
      stats.count('catalogChanges', marketIds.length)
    } catch (error) {
      for (const marketId of marketIds) pending.add(marketId)
      waitMs = AGAIN_MS
      log.warn(`could not start refreshCatalog for ${marketIds.length} markets: ${reasonOf(error)}; trying again`)
    }
    timer = pending.size === 0 ? undefined : setTimeout(() => void flush(), waitMs)
  }
  const want = (marketId: string): boolean => {
    if (!pending.has(marketId) && pending.size >= MOST_PENDING) {
      stats.count('catalogChangesDropped')
      return false
    }
    pending.add(marketId)
    timer ??= setTimeout(() => void flush(), COALESCE_MS)
    return true
  }

  subscriber.on('message', (channel, marketId) => {
    if (channel === CATALOG_CHANGES_CHANNEL) want(marketId)
  })
  await subscriber.subscribe(CATALOG_CHANGES_CHANNEL)
  return { want, [Symbol.dispose]: () => clearTimeout(timer) }
}
