/** Whole seconds of epoch time everywhere: the truth counts them one by one. */
export type CoverageGap = { outcomeId: string; opened: number; closed: number | undefined; nothingMissed: boolean }
type CoverageCounts = { events: number; verified: number; unverifiable: number; mismatched: number }

/** What another recorder saw, `books` or prices alone; spans of the books of an outcome do not overlap. */
export type CoverageImport = { outcomeId: string; begins: number; ends: number; source: string; isBooks: boolean }

export type CoverageFacts = {
  outcomeIds: string[]
  gaps: CoverageGap[]
  imports: CoverageImport[]
  /** By the hour's first second. */
  hours: Map<number, CoverageCounts>
  /** When the first book of any outcome was there. */
  firstBook: number | undefined
}

export type CoverageRow = CoverageCounts & {
  hour: number
  gapSeconds: number
  importedSeconds: number
  importedFrom: string[]
  state: string
}

const HOUR_S = 3_600
const NOTHING: CoverageCounts = { events: 0, verified: 0, unverifiable: 0, mismatched: 0 }

const stateOf = (row: Omit<CoverageRow, 'state'>, isAllLost: boolean): string => {
  if (isAllLost) return row.importedFrom.length > 0 ? 'imported' : 'missing'
  if (row.gapSeconds > 0 || row.mismatched > 0 || row.unverifiable > 0) return 'degraded'
  return row.importedSeconds > 0 ? 'imported' : 'available'
}

/** The tallies know hours: one without a first book in it began somewhere, at best with the hour. */
const beginOf = ({ hours, firstBook = Infinity }: CoverageFacts): number => {
  const recorded = Math.min(...[...hours].filter(([, { events }]) => events > 0).map(([hour]) => hour))
  return recorded + HOUR_S <= firstBook ? recorded : firstBook
}

/** Counts, second by second, what `coverage` says of the hours of [from, to). */
export const coverageTruth = (facts: CoverageFacts, from: number, to: number): CoverageRow[] => {
  const begin = beginOf(facts)
  const isLost = (outcomeId: string, second: number): boolean =>
    second < begin ||
    facts.gaps.some(
      (gap) => gap.outcomeId === outcomeId && !gap.nothingMissed && gap.opened <= second && (gap.closed ?? to) > second,
    )
  const isFilled = (outcomeId: string, second: number): boolean =>
    facts.imports.some((one) => one.isBooks && one.outcomeId === outcomeId && one.begins <= second && one.ends > second)
  const rows: CoverageRow[] = []
  for (let hour = Math.floor(from / HOUR_S) * HOUR_S; hour < to; hour += HOUR_S) {
    const [first, last] = [Math.max(hour, from), Math.min(hour + HOUR_S, to)]
    const seconds = { gap: 0, imported: 0 }
    const lostOf = new Map<string, number>()
    for (let second = first; second < last; second++) {
      const lost = facts.outcomeIds.filter((outcomeId) => isLost(outcomeId, second))
      const open = lost.filter((outcomeId) => !isFilled(outcomeId, second))
      if (open.length > 0) seconds.gap += 1
      if (open.length < lost.length) seconds.imported += 1
      for (const outcomeId of open) lostOf.set(outcomeId, (lostOf.get(outcomeId) ?? 0) + 1)
    }
    const isAllLost = facts.outcomeIds.every((outcomeId) => lostOf.get(outcomeId) === last - first)
    const sources = facts.imports
      .filter(({ begins, ends }) => begins < last && ends > first)
      .map(({ source }) => source)
    const row = {
      hour,
      ...(facts.hours.get(hour) ?? NOTHING),
      gapSeconds: seconds.gap,
      importedSeconds: seconds.imported,
      importedFrom: [...new Set(sources)].toSorted(),
    }
    rows.push({ ...row, state: stateOf(row, isAllLost) })
  }
  return rows
}
