import type { Side } from '../domain/book-side.ts'
import type { Batch } from './batch.ts'

export type RowKind = 'snapshot' | 'change' | 'gap'

/** What the rows of one event share. Times are epoch ms. */
export type RowEvent = {
  marketId: string
  outcomeId: string
  sequence: number
  kind: RowKind
  capturedTimeMs: number
  exchangeTimeMs: number | undefined
  sourceReceivedTimeMs: number | undefined
}

export type RowLevel = { side: Side; priceText: string; sizeText: string }

/** Rows of one event: `id` = sequence * 65536 + position, so that it is unique per outcome and needs no generator. */
const ROWS_PER_EVENT = 65_536
const DAY_MS = 86_400_000

/** The texts of the newest times: both outcomes of a market have rows of one frame. */
const createTimeText = (): ((timeMs: number | undefined) => string) => {
  let last = { timeMs: 0, text: new Date(0).toISOString() }
  return (timeMs) => {
    if (timeMs === undefined) return '\\N'
    if (timeMs !== last.timeMs) last = { timeMs, text: new Date(timeMs).toISOString() }
    return last.text
  }
}

const capturedText = createTimeText()
const exchangeText = createTimeText()
const sourceText = createTimeText()

/** Adds the rows of one event to the batch as COPY text lines, in the order of `BOOK_COLUMNS` of the store. */
export const addBookRows = (batch: Batch, event: RowEvent, levels: RowLevel[]): void => {
  const { capturedTimeMs, exchangeTimeMs, sourceReceivedTimeMs } = event
  const times = `${capturedText(capturedTimeMs)}\t${exchangeText(exchangeTimeMs)}\t${sourceText(sourceReceivedTimeMs)}`
  batch.days.add(Math.floor(capturedTimeMs / DAY_MS))
  const tail = `${event.kind}\n`
  let id = event.sequence * ROWS_PER_EVENT
  for (const { priceText, sizeText, side } of levels) {
    // Joined and not added up: a sum stays a tree of its parts, and each collection until the commit copies every one.
    const line = [id, times, priceText, sizeText, event.marketId, event.outcomeId, side, tail].join('\t')
    batch.bookLines.push(line)
    batch.bookBytes += line.length
    id += 1
  }
}
