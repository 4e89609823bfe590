import type { History } from './as-of-history.ts'

/** What a reader of the rows alone says of a book at an instant, in the form in which a query's rows are compared. */
export type BookTruth = {
  state: string
  sequence: number | null
  capturedTimeMs: number | null
  /** `[side, price, size]`, bids best first, then asks best first; six places. */
  levels: [string, string, string][]
}

const six = (decimal: string): string => Number(decimal).toFixed(6)

const qualityAt = (history: History, atMs: number, newestGap: number | undefined): string => {
  const marked = history.gaps.find((gap) => gap.gapSequence === newestGap)
  if (newestGap !== undefined && marked?.nothingMissed !== true) return 'in_gap'
  const isInGap = history.gaps.some(
    (gap) => !gap.nothingMissed && gap.openedTimeMs <= atMs && (gap.closedTimeMs ?? Infinity) > atMs,
  )
  if (isInGap) return 'in_gap'
  const proof = history.proofs.findLast(({ capturedTimeMs }) => capturedTimeMs <= atMs)
  return proof?.state === 'verified' ? 'verified' : 'unverified'
}

/** Rebuilds a book from its first row on, event by event. */
export const bookTruth = (history: History, atMs: number): BookTruth => {
  const rows = history.rows.filter((row) => row.capturedTimeMs <= atMs)
  const newest = rows.at(-1)
  if (newest === undefined || !rows.some((row) => row.kind === 'snapshot')) {
    return { state: 'missing', sequence: null, capturedTimeMs: null, levels: [] }
  }
  const book = new Map<string, [string, string, string]>()
  let snapshotSequence = 0
  for (const { kind, sequence, side, price, size } of rows) {
    if (kind === 'gap') continue
    if (kind === 'snapshot' && sequence !== snapshotSequence) {
      book.clear()
      snapshotSequence = sequence
    }
    if (Number(size) === 0) book.delete(`${side} ${price}`)
    else book.set(`${side} ${price}`, [side, six(price), six(size)])
  }
  const side = (wanted: string, direction: 1 | -1): [string, string, string][] =>
    [...book.values()]
      .filter(([name]) => name === wanted)
      .toSorted((left, right) => (Number(left[1]) - Number(right[1])) * direction)
  return {
    state: qualityAt(history, atMs, newest.kind === 'gap' ? newest.sequence : undefined),
    sequence: newest.sequence,
    capturedTimeMs: newest.capturedTimeMs,
    levels: [...side('bid', -1), ...side('ask', 1)],
  }
}
