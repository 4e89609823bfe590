/** Whole seconds of epoch time everywhere: the truth counts them one by one. */
export type CoverageGap = { outcomeId: string; opened: number; closed: number | undefined; nothingMissed: boolean }
type CoverageCounts = { events: number; verified: number; unverifiable: number; mismatched: number }

export type CoverageFacts = {
  outcomeIds: string[]
  gaps: CoverageGap[]
  /** By the hour's first second. */
  hours: Map<number, CoverageCounts>
  /** When the first book of any outcome was there. */
  firstBook: number | undefined
}

export type CoverageRow = CoverageCounts & { hour: number; gapSeconds: number; state: string }

const HOUR_S = 3_600
const NOTHING: CoverageCounts = { events: 0, verified: 0, unverifiable: 0, mismatched: 0 }

const stateOf = (row: Omit<CoverageRow, 'state'>, isMissing: boolean): string => {
  if (isMissing) return 'missing'
  return row.gapSeconds > 0 || row.mismatched > 0 || row.unverifiable > 0 ? 'degraded' : 'available'
}

/** Counts, second by second, what `coverage` says of the hours of [from, to). */
export const coverageTruth = (facts: CoverageFacts, from: number, to: number): CoverageRow[] => {
  const recorded = [...facts.hours].filter(([, { events }]) => events > 0).map(([hour]) => hour)
  const begin = Math.min(facts.firstBook ?? Infinity, ...recorded)
  const rows: CoverageRow[] = []
  for (let hour = Math.floor(from / HOUR_S) * HOUR_S; hour < to; hour += HOUR_S) {
    const [first, last] = [Math.max(hour, from), Math.min(hour + HOUR_S, to)]
    let gapSeconds = 0
    const lostOf = new Map<string, number>()
    for (let second = first; second < last; second++) {
      const lost = facts.gaps.filter((gap) => !gap.nothingMissed && gap.opened <= second && (gap.closed ?? to) > second)
      if (lost.length > 0) gapSeconds += 1
      for (const outcomeId of new Set(lost.map((gap) => gap.outcomeId))) {
        lostOf.set(outcomeId, (lostOf.get(outcomeId) ?? 0) + 1)
      }
    }
    const isAllLost = facts.outcomeIds.every((outcomeId) => lostOf.get(outcomeId) === last - first)
    const row = { hour, ...(facts.hours.get(hour) ?? NOTHING), gapSeconds }
    rows.push({ ...row, state: stateOf(row, isAllLost || last <= begin) })
  }
  return rows
}
