/** One market's way from a feed group to another. */
export type Move = { marketId: string; from: number; to: number }

type Groups = ReadonlyMap<number, readonly string[]>
type Place = { group: number; room: number }

/** Fullest first: holes are filled before a group is opened, and the emptiest ones stay the ones to give up. */
const placesIn = (groups: Groups, limit: number): Place[] =>
  [...groups]
    .map(([group, { length }]) => ({ group, room: limit - length }))
    .filter(({ room }) => room > 0)
    .toSorted((left, right) => left.room - right.room || left.group - right.group)

const unusedGroup = (used: ReadonlySet<number>): number => {
  let group = 0
  while (used.has(group)) group++
  return group
}

const settle = (marketIds: readonly string[], from: number, places: Place[]): Move[] => {
  const waiting = [...marketIds]
  return places.flatMap(({ group, room }) => waiting.splice(0, room).map((marketId) => ({ marketId, from, to: group })))
}

/** Of groups that hold more than they may: what is too many goes to the holes of others, then to new groups. */
const planSplits = (groups: Groups, limit: number): Move[] => {
  const used = new Set(groups.keys())
  const places = placesIn(groups, limit)
  const moves: Move[] = []
  for (const [from, marketIds] of groups) {
    for (const marketId of marketIds.slice(limit)) {
      if (places[0]?.room === 0) places.shift()
      if (places.length === 0) {
        places.push({ group: unusedGroup(used), room: limit })
        used.add(places[0]?.group ?? 0)
      }
      const [place] = places
      if (place === undefined) continue
      place.room -= 1
      moves.push({ marketId, from, to: place.group })
    }
  }
  return moves
}

/** A quarter of a group stays free after a merge: the next few markets must not open again what was just given up. */
const spareOf = (limit: number): number => Math.ceil(limit / 4)

/** The smallest group, where the others have room for all of it and some more. */
const planMerge = (groups: Groups, limit: number): Move[] => {
  const [smallest, ...others] = [...groups].toSorted((left, right) => left[1].length - right[1].length)
  if (smallest === undefined) return []
  const [from, marketIds] = smallest
  const places = placesIn(new Map(others), limit)
  const room = places.reduce((sum, place) => sum + place.room, 0)
  return room - marketIds.length < spareOf(limit) ? [] : settle(marketIds, from, places)
}

/**
 * The fewest moves that bring groups within their limit, or that save a group (a connection, a heartbeat) where that is
 * worth it. Growth alone moves nothing: new markets fill the holes.
 */
export const planMoves = (groups: Groups, limit: number): Move[] => {
  const splits = planSplits(groups, limit)
  return splits.length > 0 ? splits : planMerge(groups, limit)
}
