import type { DataApi, ElementIdentity } from '../../domain/data-page.ts'
import type { Stats } from '../../lib/stats.ts'
import type { Known } from './known.ts'
import { numberPage, NOTHING_CARRIED } from './numbering.ts'
import { toDataFrame, type Outlet } from './outlet.ts'

export type ActivityPollsDeps = {
  source: DataApi
  /** Lower case. */
  wallets: string[]
  identify: (raw: string) => ElementIdentity
  known: Known
  outlet: Outlet
  readRecorded: () => Promise<ReadonlySet<string>>
  stats: Stats
}

const PAGE = 500
/** Of a wallet that did more than these since the last poll, the oldest are left out, and counted. */
const MOST_PAGES = 10

/** Splits, merges, redemptions and conversions of each tracked wallet, one wallet after the other. */
export const createActivityPolls = (deps: ActivityPollsDeps): ((signal: AbortSignal) => Promise<void>) => {
  const { source, wallets, identify, known, outlet, stats } = deps
  /** How many of the page were new. */
  const takePage = async (
    { wallet, offset }: { wallet: string; offset: number },
    recorded: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<number> => {
    const page = await source.activity({ wallet, limit: PAGE, offset }, signal)
    const place = { type: 'v1', offset } as const
    const { elements } = numberPage({ raws: page.elements, place, carry: NOTHING_CARRIED }, identify)
    const fresh = elements.filter(
      ({ key, conditionId = '', ordinal }) => recorded.has(conditionId) && ordinal >= known.countOf(key),
    )
    await outlet.put(
      fresh.map((element) => toDataFrame('data_activity', element, page.receivedTimeMs)),
      signal,
    )
    for (const { key, ordinal } of fresh) known.raise(key, ordinal + 1)
    stats.count('dataActivities', fresh.length)
    return page.elements.length < PAGE ? 0 : fresh.length
  }
  return async (signal) => {
    const recorded = await deps.readRecorded()
    if (recorded.size === 0) return
    for (const wallet of wallets) {
      let page = 0
      while ((await takePage({ wallet, offset: page * PAGE }, recorded, signal)) > 0) {
        if (++page < MOST_PAGES) continue
        stats.count('dataScansCut')
        break
      }
    }
  }
}
