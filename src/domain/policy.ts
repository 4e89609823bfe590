import type { Market } from './market.ts'

/** Names of markets (ids or slugs), and slugs of what groups them. */
export type MarketNames = { markets: string[]; events: string[]; series: string[]; tags: string[] }

/** What discovery records: the union of what is named and the `top` by 24 h volume, without what is excluded, at most `max`. */
export type Policy = MarketNames & { top: number; exclude: MarketNames; max: number }

/** Open markets that the venue shows for a policy; `ranked` by volume, best first. `excluded`: ids of groups. */
export type Candidates = {
  listed: Market[]
  events: Market[]
  series: Market[]
  tags: Market[]
  ranked: Market[]
  excluded: ReadonlySet<string>
}

/** A market that has slipped by less than a quarter of n stays: else those at the edge would flap every minute. */
export const HYSTERESIS = 1.25

/** The n best-ranked, preferring those that run already while they are within n and a quarter. */
export const chooseTop = (ranked: Market[], running: ReadonlySet<string>, top: number): Market[] => {
  const staying = ranked.slice(0, Math.floor(top * HYSTERESIS)).filter((market) => running.has(market.marketId))
  const chosen = new Map(staying.slice(0, top).map((market) => [market.marketId, market]))
  for (const market of ranked) {
    if (chosen.size >= top) break
    chosen.set(market.marketId, market)
  }
  return [...chosen.values()]
}

/** Ids grow with time: by them a cut falls on the same markets every minute, which an order by volume would not. */
const oldestFirst = (markets: Market[]): Market[] =>
  markets.toSorted((left, right) => Number(left.marketId) - Number(right.marketId))

export const isNamed = ({ markets }: MarketNames, { marketId, slug }: Pick<Market, 'marketId' | 'slug'>): boolean =>
  markets.includes(marketId) || markets.includes(slug)

/**
 * The markets that a policy wants. Where `max` cuts, the order decides: listed ones as they are listed, then those of
 * events, series and tags, oldest first, then the top ones.
 */
export const chooseMarkets = (
  policy: Policy,
  candidates: Candidates,
  running: ReadonlySet<string>,
): Map<string, Market> => {
  const isWanted = (market: Market): boolean =>
    market.status === 'active' && !candidates.excluded.has(market.marketId) && !isNamed(policy.exclude, market)
  const { listed, events, series, tags, ranked } = candidates
  const inOrder = [
    ...listed,
    ...oldestFirst(events),
    ...oldestFirst(series),
    ...oldestFirst(tags),
    ...chooseTop(ranked.filter(isWanted), running, policy.top),
  ].filter(isWanted)
  const unique = new Map(inOrder.map((market) => [market.marketId, market]))
  return new Map([...unique].slice(0, policy.max))
}

/** Where one market belongs. */
export type Belongings = Omit<MarketNames, 'markets'>

const meets = (names: MarketNames, market: Pick<Market, 'marketId' | 'slug'>, belongings: Belongings): boolean =>
  isNamed(names, market) ||
  names.events.some((slug) => belongings.events.includes(slug)) ||
  names.series.some((slug) => belongings.series.includes(slug)) ||
  names.tags.some((slug) => belongings.tags.includes(slug))

/** Whether a policy names a market that has just appeared; of the top ones nobody can know yet. */
export const isWantedByName = (policy: Policy, market: Market, belongings: Belongings): boolean =>
  market.status === 'active' && meets(policy, market, belongings) && !meets(policy.exclude, market, belongings)

/** Whether it takes a look at a market's event to tell. */
export const namesGroups = (policy: Policy): boolean =>
  [policy, policy.exclude].some(({ events, series, tags }) => events.length + series.length + tags.length > 0)
