import { sameLevels, type LevelRow } from './levels.ts'
import { predictEvents, type RowEvent } from './predicted.ts'
import { levelsOf, type RecordedEvent, type Segment } from './recorded.ts'
import type { Sent } from './sent.ts'

/** The connection that a segment is a gapless record of, and the places of its first and last text in the log. */
export type Aligned = { segment: Segment; connection: number; firstAt: number; lastAt: number }

/** Epoch ms from which on texts may be missing after the segment; Infinity where no gap follows it. */
export type MayMissFrom = (segment: Segment) => number

type Candidate = { connection: number; from: Sent[] }
type Match = Aligned & { matched: number; missing: RowEvent[] }

const rowTexts = (rows: readonly LevelRow[]): string =>
  rows
    .map(({ side, price, size }) => `${side} ${price} ${size}`)
    .toSorted()
    .join(',')

const isSame = (recorded: RecordedEvent, sent: RowEvent | undefined): boolean =>
  sent !== undefined && recorded.venueMs === sent.venueMs && rowTexts(recorded.rows) === rowTexts(sent.rows)

const isOfBook = (one: Sent): boolean => one.type === 'book' || one.type === 'change'

/** After its own dump; else (the snapshot came by REST) from each text that may be the first one not in it. */
const startsOf = ({ snapshot }: Segment, connection: number, sent: readonly Sent[]): Candidate[] => {
  const { venueMs, capturedMs } = snapshot
  const levels = levelsOf(snapshot)
  const isDump = (one: Sent): boolean =>
    one.type === 'book' && one.venueMs === venueMs && one.timeMs <= capturedMs && sameLevels(one.levels, levels)
  const dump = sent.findIndex(isDump)
  if (dump >= 0) return [{ connection, from: sent.slice(dump) }]
  const places = sent.flatMap((one, index) => (isOfBook(one) && one.venueMs === venueMs ? [index] : []))
  const later = sent.findIndex((one) => isOfBook(one) && one.venueMs > venueMs)
  const starts = [...places, later < 0 ? sent.length : later]
  return starts.map((start) => ({ connection, from: sent.slice(start) }))
}

const match = (segment: Segment, { connection, from }: Candidate): Match => {
  const predicted = predictEvents(levelsOf(segment.snapshot), segment.snapshot.venueMs, from)
  const wrong = segment.changes.findIndex((change, index) => !isSame(change, predicted[index]))
  const matched = wrong < 0 ? segment.changes.length : wrong
  const firstAt = from[0]?.at ?? Infinity
  const lastAt = predicted[matched - 1]?.at ?? firstAt
  return { segment, connection, firstAt, lastAt, missing: predicted.slice(matched), matched }
}

const describe = ({ segment, connection, matched, missing }: Match): string => {
  const recorded = segment.changes[matched]
  const sent = missing[0]
  return (
    `sequence ${recorded?.sequence ?? 0}: recorded ${rowTexts(recorded?.rows ?? [])} of ${recorded?.venueMs ?? 0}, ` +
    `connection ${connection} sent ${rowTexts(sent?.rows ?? [])} of ${sent?.venueMs ?? 0}`
  )
}

/** Of several connections that a short segment fits, the one that leaves least unexplained, then the newest. */
const choose = (matches: Match[], mayMissFromMs: number): Match | undefined => {
  const unexplained = ({ missing }: Match): number => missing.filter(({ timeMs }) => timeMs < mayMissFromMs).length
  return matches.toSorted(
    (left, right) => unexplained(left) - unexplained(right) || right.connection - left.connection,
  )[0]
}

/**
 * Finds for each segment the connection whose texts it is a gapless record of. A segment that is no prefix of what any
 * connection sent after its snapshot misses something, or has something twice, with no gap to say so: a problem.
 */
export const align = (
  segments: readonly Segment[],
  connections: ReadonlyMap<number, readonly Sent[]>,
  mayMissFrom: MayMissFrom,
): { aligned: Aligned[]; problems: string[] } => {
  const aligned: Aligned[] = []
  const problems: string[] = []
  let first = 0
  for (const segment of segments) {
    const newestMs = (segment.changes.at(-1) ?? segment.snapshot).capturedMs
    // Connections are recorded in their order, and nothing before it was sent.
    const open = [...connections].filter(([id, sent]) => id >= first && (sent[0]?.timeMs ?? Infinity) <= newestMs)
    const matches = open.flatMap(([id, sent]) => startsOf(segment, id, sent).map((start) => match(segment, start)))
    const whole = matches.filter(({ matched }) => matched === segment.changes.length)
    const best = choose(whole, mayMissFrom(segment))
    if (best !== undefined) {
      first = best.connection
      aligned.push({ segment, connection: first, firstAt: best.firstAt, lastAt: best.lastAt })
      continue
    }
    const nearest = matches.toSorted((left, right) => right.matched - left.matched)[0]
    problems.push(nearest === undefined ? `sequence ${segment.snapshot.sequence} was never sent` : describe(nearest))
  }
  return { aligned, problems }
}

/** Events of a connection that no segment records: from its first book on, whatever would have written a row. */
export const unrecorded = (connection: number, sent: readonly Sent[], aligned: readonly Aligned[]): RowEvent[] => {
  const start = sent.findIndex(({ type }) => type === 'book')
  const book = sent[start]
  if (book?.type !== 'book') return []
  const segments = aligned.filter((one) => one.connection === connection)
  return predictEvents(book.levels, book.venueMs, sent.slice(start + 1)).filter(
    ({ at }) => !segments.some(({ firstAt, lastAt }) => at >= firstAt && at <= lastAt),
  )
}
