import type { RowKind, RowLevel } from './book-row.ts'
import type { FilledSpan } from './span-walk.ts'

/** Epoch ms of an event that another recorder saw; `capturedTimeMs` by its receive clock, as far as it tells it. */
export type ImportedTimes = {
  capturedTimeMs: number
  exchangeTimeMs: number | undefined
  sourceReceivedTimeMs: number | undefined
}

/** `earlier`: spans that other imports have filled of the outcome. */
type LinesOf = { marketId: string; outcomeId: string; source: string; earlier: FilledSpan[] }

const HOUR_MS = 3_600_000
const ROWS_PER_EVENT = 65_536n
/** Hours of the next sixty years lie below, and so all sequences below 0. */
const HOURS_BELOW_ZERO = 2 ** 20
const EVENTS_PER_HOUR = 2 ** 24
/** They are held until the next one. */
const LINES_PER_MILLISECOND = 200_000

const iso = (timeMs: number | undefined): string => (timeMs === undefined ? '\\N' : new Date(timeMs).toISOString())

/** The file cannot be imported, however often it is tried. */
class TooMuch extends Error {
  readonly retryable = false
}

/** No event has less than a row: numbers of an hour that others took are below the rows of all their spans that reach into it. */
const takenOf = (earlier: FilledSpan[], hour: number): number =>
  earlier
    .filter(({ fromTimeMs, toTimeMs }) => fromTimeMs < (hour + 1) * HOUR_MS && toTimeMs > hour * HOUR_MS)
    .reduce((sum, { rows }) => sum + rows, 0)

/** Events of an hour are numbered in their order, beyond those of earlier imports: no two sequences are equal. */
const createNumbering = (earlier: FilledSpan[]) => {
  let at = { hour: 0, count: 0 }
  return {
    next: (timeMs: number): number => {
      const hour = Math.floor(timeMs / HOUR_MS)
      const count = hour === at.hour ? at.count + 1 : takenOf(earlier, hour)
      if (count >= EVENTS_PER_HOUR)
        throw new TooMuch(`expected less than ${EVENTS_PER_HOUR} events of an outcome in an hour`)
      at = { hour, count }
      return (hour - HOURS_BELOW_ZERO) * EVENTS_PER_HOUR + count
    },
    at: () => at,
    /** What came after is not there. */
    back: (to: typeof at): void => {
      at = to
    },
  }
}

/** COPY lines of one outcome, for `order_books` with its source. Events come in the order of time. */
export const createImportedLines = ({ marketId, outcomeId, source, earlier }: LinesOf) => {
  const numbering = createNumbering(earlier)
  let lines: string[] = []
  /** Of the newest millisecond: they go with what is lost in it. */
  let newest = { timeMs: -Infinity, begun: numbering.at(), lines: new Array<string>() }
  const settle = (timeMs: number): void => {
    if (timeMs === newest.timeMs) return
    for (const line of newest.lines) lines.push(line)
    newest = { timeMs, begun: numbering.at(), lines: [] }
  }
  return {
    write: (kind: RowKind, levels: RowLevel[], times: ImportedTimes): void => {
      settle(times.capturedTimeMs)
      if (newest.lines.length > LINES_PER_MILLISECOND)
        throw new TooMuch(`expected at most ${LINES_PER_MILLISECOND} rows of an outcome in a millisecond`)
      const sequence = numbering.next(times.capturedTimeMs)
      const instants = [times.capturedTimeMs, times.exchangeTimeMs, times.sourceReceivedTimeMs].map(iso).join('\t')
      levels.forEach(({ priceText, sizeText, side }, position) => {
        const id = BigInt(sequence) * ROWS_PER_EVENT + BigInt(position)
        const rest = `${priceText}\t${sizeText}\t${marketId}\t${outcomeId}\t${side}\t${kind}\t${source}\n`
        newest.lines.push(`${id}\t${instants}\t${rest}`)
      })
    },
    /** Lines that were not taken yet. */
    pending: (): number => lines.length + newest.lines.length,
    /** Leaves out what was written of a millisecond, if it is the newest. @returns how many lines that were. */
    drop: (timeMs: number): number => {
      settle(timeMs)
      const count = newest.lines.length
      numbering.back(newest.begun)
      newest = { ...newest, lines: [] }
      return count
    },
    /** The lines since it was asked last, without those of the newest millisecond. */
    take: (): string[] => {
      const taken = lines
      lines = []
      return taken
    },
    /** No more comes. */
    end: (): void => settle(Infinity),
  }
}
