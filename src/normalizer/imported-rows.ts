import { Book, type BookLevels, type LevelChange } from '../domain/book.ts'
import type { TimeSpan } from '../domain/span.ts'
import type { RowKind, RowLevel } from './book-row.ts'

type Times = { capturedTimeMs: number; exchangeTimeMs: number | undefined; sourceReceivedTimeMs: number | undefined }

/** What another recorder saw of one outcome, in its order. */
export type ImportedEvent = Times & ({ type: 'book'; levels: BookLevels } | { type: 'changes'; changes: LevelChange[] })

export type ImportedOutcome = {
  marketId: string
  outcomeId: string
  source: string
  /** Where rows may be written, in order and apart; what the source saw elsewhere only moves the book on. */
  spans: TimeSpan[]
  /** The book before the first event, where an earlier import left one. */
  book: BookLevels | undefined
}

/** A span that was filled, from its first book on. */
export type FilledSpan = TimeSpan & { rows: number }

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const ROWS_PER_EVENT = 65_536n
/** Hours of the next sixty years lie below, and so all sequences below 0. */
const HOURS_BELOW_ZERO = 2 ** 20
const EVENTS_PER_HOUR = 2 ** 24
/** A rebuild applies no more changes than these, and those of a book. */
const CHANGES_PER_SNAPSHOT = 2_000
const EMPTY: RowLevel = { side: 'bid', priceText: '0', sizeText: '0' }
/** A book of rows has no identity: nothing of it is hashed. */
const NOBODY = { conditionId: '', token: '', minOrderSize: '', tickSize: '', negRisk: false, version: undefined }

/** Each day's rows stand alone: spans end at midnight (UTC). */
const byDay = ({ fromTimeMs, toTimeMs }: TimeSpan): TimeSpan[] => {
  const midnightMs = (Math.floor(fromTimeMs / DAY_MS) + 1) * DAY_MS
  if (toTimeMs <= midnightMs) return [{ fromTimeMs, toTimeMs }]
  return [{ fromTimeMs, toTimeMs: midnightMs }, ...byDay({ fromTimeMs: midnightMs, toTimeMs })]
}

const iso = (timeMs: number | undefined): string => (timeMs === undefined ? '\\N' : new Date(timeMs).toISOString())

/** Events of an hour are numbered from 0 in their order: no two sequences are equal, and later ones are greater. */
const createNumbering = (): ((timeMs: number) => number) => {
  let hour = 0
  let count = 0
  return (timeMs) => {
    const now = Math.floor(timeMs / HOUR_MS)
    count = now === hour ? count + 1 : 0
    hour = now
    if (count >= EVENTS_PER_HOUR)
      throw new Error(`expected less than ${EVENTS_PER_HOUR} events of an outcome in an hour`)
    return (hour - HOURS_BELOW_ZERO) * EVENTS_PER_HOUR + count
  }
}

/**
 * Turns what another recorder saw into COPY lines of `order_books`, for the spans in which the outcome was not recorded: each
 * begins with a whole book, as the source knew it by then.
 *
 * States of a span: to come → open, at its beginning or at the first book within it → filled, at its end.
 */
export const createImportedRows = ({ marketId, outcomeId, source, spans, book: known }: ImportedOutcome) => {
  const book = new Book(NOBODY)
  const coming = spans.flatMap(byDay)
  const numberOf = createNumbering()
  const filled: FilledSpan[] = []
  let isKnown = known !== undefined
  let open: FilledSpan | undefined
  let changesSince = 0
  let exchangeTimeMs: number | undefined
  let lines: string[] = []
  if (known !== undefined) book.replace(known)

  const write = (kind: RowKind, levels: RowLevel[], times: Times): void => {
    if (open === undefined || levels.length === 0) return
    const { capturedTimeMs, exchangeTimeMs, sourceReceivedTimeMs } = times
    const sequence = numberOf(capturedTimeMs)
    const shared = `${sequence}\t${iso(capturedTimeMs)}\t${iso(exchangeTimeMs)}\t${iso(sourceReceivedTimeMs)}`
    levels.forEach((level, position) => {
      const id = BigInt(sequence) * ROWS_PER_EVENT + BigInt(position)
      lines.push(
        `${id}\t${shared}\t${level.priceText}\t${level.sizeText}\t${marketId}\t${outcomeId}\t${level.side}\t${kind}\t${source}\n`,
      )
    })
    open.rows += levels.length
    changesSince += levels.length
  }
  const writeBook = (times: Times): void => {
    const { bids, asks } = book.top(0)
    const levels: RowLevel[] = [
      ...bids.map((level) => ({ ...level, side: 'bid' as const })),
      ...asks.map((level) => ({ ...level, side: 'ask' as const })),
    ]
    write('snapshot', levels.length === 0 ? [EMPTY] : levels, times)
    changesSince = 0
  }
  const begin = (span: TimeSpan, times: Times): void => {
    open = { ...span, fromTimeMs: times.capturedTimeMs, rows: 0 }
    writeBook(times)
  }
  const close = (): void => {
    if (open !== undefined) filled.push(open)
    open = undefined
  }
  /** Opens and ends what begins and ends until then; the book is that of before. */
  const advance = (timeMs: number): void => {
    for (;;) {
      if (open !== undefined && open.toTimeMs <= timeMs) close()
      const next = open === undefined ? coming[0] : undefined
      if (next === undefined || next.fromTimeMs > timeMs) return
      if (next.toTimeMs > timeMs && !isKnown) return
      coming.shift()
      if (!isKnown) continue
      begin(next, { capturedTimeMs: next.fromTimeMs, exchangeTimeMs, sourceReceivedTimeMs: undefined })
    }
  }
  const changed = (changes: LevelChange[], times: Times): void => {
    const rows = changes.flatMap((change) => {
      const { side, level } = change
      return book.apply(change) ? [{ side, priceText: level.priceText, sizeText: level.sizeText }] : []
    })
    write('change', rows, times)
    if (open !== undefined && changesSince >= CHANGES_PER_SNAPSHOT) writeBook(times)
  }
  const firstBook = (levels: BookLevels, times: Times): void => {
    book.replace(levels)
    isKnown = true
    const span = coming[0]
    if (span === undefined || span.fromTimeMs > times.capturedTimeMs) return
    coming.shift()
    begin(span, times)
  }
  return {
    apply: (event: ImportedEvent): void => {
      advance(event.capturedTimeMs)
      if (event.type === 'changes') {
        if (isKnown) changed(event.changes, event)
      } else if (isKnown) changed(book.difference(event.levels), event)
      else firstBook(event.levels, event)
      exchangeTimeMs = event.exchangeTimeMs
    },
    /** The lines since it was asked last. */
    take: (): string[] => {
      const taken = lines
      lines = []
      return taken
    },
    /** All that the source saw was applied: it was there until the end of the last span. */
    end: (): FilledSpan[] => {
      advance(Infinity)
      close()
      return filled
    },
  }
}
