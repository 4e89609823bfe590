import { HYSTERESIS, isNamed, type Candidates, type MarketNames, type Policy } from '../domain/policy.ts'
import type { Market } from '../domain/market.ts'
import type { Logger } from '../lib/log.ts'
import { inParallel } from './in-parallel.ts'
import type { Group, GroupReaders } from './policy-groups.ts'

/** `isCut`: a listing ended before its last page, so a market that is missing may be wanted all the same. */
type Found = { candidates: Candidates; unmatched: string[]; isCut: boolean }
export type ReadCandidates = (policy: Policy) => Promise<Found>

const ASKED_AT_ONCE = 8
const NONE: Group = { markets: [], isCut: false }

type Kind = keyof MarketNames

/** Groups in the order of their names; `unmatched` takes the names of which the venue has nothing. */
const readAll = async (readers: GroupReaders, kind: Kind, names: string[], unmatched: string[]): Promise<Group> => {
  const groups = new Map<string, Group>()
  await inParallel(names, ASKED_AT_ONCE, async (name) => {
    const group = await readers[kind](name)
    if (group === undefined) unmatched.push(`${kind} "${name}"`)
    else groups.set(name, group)
  })
  const found = names.flatMap((name) => groups.get(name) ?? [])
  return { markets: found.flatMap(({ markets }) => markets), isCut: found.some(({ isCut }) => isCut) }
}

/** Says once of a name that it matches nothing, and again only after it had matched. */
const createComplaint = (log: Logger): ((unmatched: string[]) => void) => {
  let said = new Set<string>()
  return (unmatched) => {
    for (const name of unmatched) {
      if (!said.has(name)) log.warn(`the policy names ${name}, of which the venue lists no order book: skipped`)
    }
    said = new Set(unmatched)
  }
}

/** Reads from the venue what a policy names. */
export const createCandidates = (readers: GroupReaders, log: Logger): ReadCandidates => {
  const complain = createComplaint(log)
  return async (policy) => {
    const unmatched: string[] = []
    const read = (kind: Kind, names: MarketNames): Promise<Group> => readAll(readers, kind, names[kind], unmatched)
    const { exclude, top } = policy
    const out = [await read('events', exclude), await read('series', exclude), await read('tags', exclude)]
    const excluded = new Set(out.flatMap(({ markets }) => markets).map(({ marketId }) => marketId))
    const isTaken = (market: Market): boolean =>
      market.status === 'active' && !excluded.has(market.marketId) && !isNamed(exclude, market)

    const listed = await read('markets', policy)
    const events = await read('events', policy)
    const series = await read('series', policy)
    const tags = await read('tags', policy)
    const enough = Math.ceil(top * HYSTERESIS)
    const ranked = top === 0 ? NONE : await readers.ranked((markets) => markets.filter(isTaken).length >= enough)
    complain(unmatched)
    return {
      candidates: {
        listed: listed.markets,
        events: events.markets,
        series: series.markets,
        tags: tags.markets,
        ranked: ranked.markets,
        excluded,
      },
      unmatched,
      isCut: [...out, listed, events, series, tags, ranked].some((group) => group.isCut),
    }
  }
}
