import type { DataApi, ElementIdentity } from '../../domain/data-page.ts'
import type { Stats } from '../../lib/stats.ts'
import { knownKey, type Known } from './known.ts'
import { numberPage, NOTHING_CARRIED, type Numbered } from './numbering.ts'
import { toDataFrame, type Outlet } from './outlet.ts'

export type ActivityPollsDeps = {
  source: Pick<DataApi, 'activity'>
  /** Lower case. */
  wallets: string[]
  identify: (raw: string) => ElementIdentity
  known: Known
  outlet: Outlet
  readRecorded: () => Promise<ReadonlySet<string>>
  /** By how much an activity may come late and still be found. */
  lateMs: number
  stats: Stats
}

const PAGE = 500
/** Of a wallet that did more than these since the last poll, the oldest are left out, and counted. */
const MOST_PAGES = 10
/** Elements of a page are in the order of the venue's clock, give or take. */
const ORDER_SLACK_MS = 5_000

type Read = { elements: Numbered[]; receivedTimeMs: number; nextOffset: number | undefined; isCut: boolean }

/** By the venue's time; what names none counts as new. */
const isSince = (floorTimeMs: number, { exchangeTimeMs = Infinity }: Numbered): boolean => exchangeTimeMs >= floorTimeMs

/** By the venue's time, but not what is said to be of the future. */
const newestOf = ({ elements, receivedTimeMs }: Read, timeMs: number): number =>
  elements.reduce((newestMs, { exchangeTimeMs = -Infinity }) => {
    return exchangeTimeMs <= receivedTimeMs ? Math.max(newestMs, exchangeTimeMs) : newestMs
  }, timeMs)

type Take = (page: Read, floorTimeMs: number, signal: AbortSignal) => Promise<number>

/** Appends what is new of recorded markets since the floor; returns how much was new of any. */
const createTake =
  ({ known, outlet, stats }: ActivityPollsDeps, recorded: ReadonlySet<string>): Take =>
  async ({ elements, receivedTimeMs }, floorTimeMs, signal) => {
    const fresh = elements
      .filter((element) => isSince(floorTimeMs, element))
      .map((element) => ({ element, isWanted: recorded.has(element.conditionId ?? '') }))
      .map(({ element, isWanted }) => ({ element, isWanted, key: knownKey(element, isWanted) }))
      .filter(({ element, key }) => element.ordinal >= known.countOf(key))
    const wanted = fresh.filter(({ isWanted }) => isWanted)
    await outlet.put(
      wanted.map(({ element }) => toDataFrame('data_activity', element, receivedTimeMs)),
      signal,
    )
    for (const { element, key } of fresh)
      known.raise(key, element.ordinal + 1, element.exchangeTimeMs ?? receivedTimeMs)
    stats.count('dataActivities', wanted.length)
    return fresh.length
  }

/**
 * Splits, merges, redemptions and conversions of each tracked wallet, one wallet after the other. As for fills, a poll pages
 * back until a page brings nothing new. What is older than the wallet's newest one of the last poll by more than may be late is
 * not looked at, so that nothing of it must be known.
 */
export const createActivityPolls = (deps: ActivityPollsDeps): ((signal: AbortSignal) => Promise<void>) => {
  const { source, wallets, identify, stats } = deps
  /** Venue's time of the newest one of a wallet, when all up to it was read. */
  const readTimesMs = new Map<string, number>()
  const read = async (wallet: string, offset: number, signal: AbortSignal): Promise<Read> => {
    const page = await source.activity({ wallet, limit: PAGE, offset }, signal)
    const place = { type: 'v1', offset } as const
    return { ...page, ...numberPage({ raws: page.elements, place, carry: NOTHING_CARRIED }, identify) }
  }
  const pollWallet = async (wallet: string, take: Take, signal: AbortSignal): Promise<void> => {
    let newestTimeMs = readTimesMs.get(wallet) ?? -Infinity
    const floorTimeMs = newestTimeMs - deps.lateMs - ORDER_SLACK_MS
    let offset: number | undefined = 0
    for (let pages = 0; offset !== undefined; pages++) {
      if (pages === MOST_PAGES) {
        stats.count('dataScansCut')
        break
      }
      const page: Read = await read(wallet, offset, signal)
      newestTimeMs = newestOf(page, newestTimeMs)
      const freshCount = await take(page, floorTimeMs, signal)
      if (page.isCut) stats.count('dataScansCut')
      offset = freshCount === 0 ? undefined : page.nextOffset
    }
    readTimesMs.set(wallet, newestTimeMs)
  }
  return async (signal) => {
    const recorded = await deps.readRecorded()
    if (recorded.size === 0) return
    const take = createTake(deps, recorded)
    for (const wallet of wallets) await pollWallet(wallet, take, signal)
  }
}
