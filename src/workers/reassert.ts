import type { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { REASSERT_CHANNEL } from '../domain/keys.ts'
import { oneAtATime } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { MarketRuns } from '../activities/policy-starts.ts'
import { signalMarket } from './market-runs.ts'
import { reasonOf } from './until-reachable.ts'

export type Reassert = Disposable & {
  /** `*` for every running market. */
  want(marketId: string): void
}

const EVERY_MS = 200
/** 50 a second: as many as the server runs of a batch job. */
const SIGNALS_A_ROUND = 10
/** A market that is asked for again and again is signalled once in so long. */
const QUIET_MS = 2_000

type Deps = { client: Client; runs: MarketRuns; subscriber: Redis; log: Logger }

/**
 * Redis holds a copy of what the workflows want. Where a feed finds it missing or too old it asks here, and the market's
 * workflow writes it again.
 */
export const openReassert = async ({ client, runs, subscriber, log }: Deps): Promise<Reassert> => {
  const wanted = new Set<string>()
  const signalledTimesMs = new Map<string, number>()

  const expand = async (): Promise<void> => {
    if (!wanted.delete('*')) return
    for (const { marketId } of await runs.list()) wanted.add(marketId)
    log.info({ markets: wanted.size }, 'asked every market to write its desired state again')
  }
  const signal = async (marketId: string): Promise<void> => {
    wanted.delete(marketId)
    signalledTimesMs.set(marketId, Date.now())
    try {
      const isThere = await signalMarket(client, marketId, 'reassert', [])
      if (!isThere) log.warn({ marketId }, 'a feed keeps a market that has no running workflow')
    } catch (error) {
      wanted.add(marketId)
      log.warn(`could not signal market:${marketId}: ${reasonOf(error)}`)
    }
  }
  const round = async (): Promise<void> => {
    await expand()
    const now = Date.now()
    for (const [marketId, timeMs] of signalledTimesMs) if (now - timeMs > QUIET_MS) signalledTimesMs.delete(marketId)
    const due = [...wanted].filter((marketId) => !signalledTimesMs.has(marketId)).slice(0, SIGNALS_A_ROUND)
    await Promise.all(due.map(signal))
  }
  const next = oneAtATime(round, (error) => {
    wanted.add('*')
    log.warn(`could not list the running markets: ${reasonOf(error)}`)
  })
  const timer = setInterval(() => {
    if (wanted.size > 0) next()
  }, EVERY_MS)

  subscriber.on('message', (channel, marketId) => {
    if (channel === REASSERT_CHANNEL) wanted.add(marketId)
  })
  await subscriber.subscribe(REASSERT_CHANNEL)
  return { want: (marketId) => void wanted.add(marketId), [Symbol.dispose]: () => clearInterval(timer) }
}
