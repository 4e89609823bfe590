import type { LiquidityEvent } from '../../src/domain/liquidity-event.ts'
import type { FillRow } from '../../src/normalizer/batch.ts'
import type { Row } from './normalizer-rows.ts'

const SPAN_MS = 1_000
const BEHIND_MS = 500
const AHEAD_MS = 100
const CLOSE_AFTER_MS = SPAN_MS + BEHIND_MS + AHEAD_MS
const WAITING_MS = 1_000

type Decrease = { level: string; cell: string; second: number; timeMs: number; left: number }
type Trade = { level: string; timeMs: number; left: number }
type Sums = { added: number; removed: number; traded: number }
type Book = { levels: Map<string, number> | undefined; snapshot: number; era: number; parts: Map<number, number[]> }

const millionths = (text: string): number => Math.round(Number(text) * 1e6)
const noSums = (): Sums => ({ added: 0, removed: 0, traded: 0 })

/**
 * What the liquidity events of the levels must say, from nothing but rows of `order_books` and fills in the order in which
 * they came: everything is kept, nothing is closed but by the clock of a tick.
 */
export const createLiquidityTruth = (outcomeIds: string[]) => {
  const books = new Map<string, Book>()
  const cells = new Map<string, Sums>()
  let decreases: Decrease[] = []
  let trades: Trade[] = []
  const seen = new Map<string, number>()

  const bookOf = (outcomeId: string): Book => {
    const book = books.get(outcomeId) ?? { levels: undefined, snapshot: -1, era: 0, parts: new Map<number, number[]>() }
    books.set(outcomeId, book)
    return book
  }
  const sumsOf = (cell: string): Sums => {
    const sums = cells.get(cell) ?? noSums()
    cells.set(cell, sums)
    return sums
  }
  const explain = (trade: Trade, decrease: Decrease): void => {
    const { timeMs } = decrease
    if (trade.level !== decrease.level || timeMs < trade.timeMs - BEHIND_MS || timeMs > trade.timeMs + AHEAD_MS) return
    const taken = Math.min(trade.left, decrease.left)
    trade.left -= taken
    decrease.left -= taken
    const sums = sumsOf(decrease.cell)
    sums.removed -= taken
    sums.traded += taken
  }

  /** The eras of a book (a gap or a snapshot begins a new one) that have changes in this second are its parts. */
  const partOf = (book: Book, second: number): number => {
    const eras = book.parts.get(second) ?? []
    book.parts.set(second, eras)
    if (!eras.includes(book.era)) eras.push(book.era)
    return eras.indexOf(book.era)
  }

  const applyChange = (book: Book, row: Row): void => {
    const { outcomeId, side, capturedTimeMs } = row
    const [price, size] = [millionths(row.price), millionths(row.size)]
    const level = `${outcomeId} ${side} ${price}`
    const delta = size - (book.levels?.get(level) ?? 0)
    book.levels?.set(level, size)
    if (delta === 0) return
    const second = capturedTimeMs - (capturedTimeMs % SPAN_MS)
    const cell = `${second} ${partOf(book, second) || ''} ${level}`
    if (delta > 0) sumsOf(cell).added += delta
    else {
      sumsOf(cell).removed -= delta
      const decrease = { level, cell, second, timeMs: capturedTimeMs, left: -delta }
      decreases.push(decrease)
      for (const trade of trades) explain(trade, decrease)
    }
  }

  return {
    row: (row: Row): void => {
      const book = bookOf(row.outcomeId)
      if (row.kind === 'change') return applyChange(book, row)
      if (row.sequence !== book.snapshot) {
        book.era += 1
        book.snapshot = row.sequence
        book.levels = row.kind === 'gap' ? undefined : new Map()
      }
      book.levels?.set(`${row.outcomeId} ${row.side} ${millionths(row.price)}`, millionths(row.size))
    },

    fill: (fill: FillRow): void => {
      const { outcomeId: taker, side, priceText, sizeText, transactionHash, ordinal, capturedTimeMs: timeMs } = fill
      const identity = `${transactionHash} ${taker} ${side} ${priceText} ${sizeText} ${ordinal}`
      if (seen.has(identity)) return
      seen.set(identity, timeMs)
      for (const outcomeId of outcomeIds) {
        const isTakers = outcomeId === taker
        const price = isTakers ? millionths(priceText) : 1e6 - millionths(priceText)
        const level = `${outcomeId} ${isTakers === (side === 'buy') ? 'ask' : 'bid'} ${price}`
        const trade = { level, timeMs, left: millionths(sizeText) }
        const newest = decreases.filter((decrease) => decrease.left > 0).toReversed()
        const isNear = (one: Decrease): boolean =>
          one.level === level && one.timeMs >= timeMs - BEHIND_MS && one.timeMs <= timeMs + AHEAD_MS
        const equal = newest.find((decrease) => isNear(decrease) && decrease.left === trade.left)
        for (const decrease of equal === undefined ? newest : [equal]) explain(trade, decrease)
        trades.push(trade)
      }
    },

    /** All that was received by then is known: what is over is said, and nothing that comes later belongs to it. */
    tick: (clockMs: number): void => {
      const isOver = (second: number): boolean => second + CLOSE_AFTER_MS <= clockMs
      decreases = decreases.filter(({ second }) => !isOver(second))
      trades = trades.filter(({ timeMs }) => timeMs + AHEAD_MS + WAITING_MS > clockMs)
      for (const [identity, timeMs] of seen) {
        if (timeMs + CLOSE_AFTER_MS + AHEAD_MS < clockMs) seen.delete(identity)
      }
      for (const book of books.values()) if (isOver(Math.max(...book.parts.keys()))) book.era += 1
    },

    cells: (): Map<string, Sums> => cells,
  }
}

const FIELDS: Partial<Record<LiquidityEvent['type'], keyof Sums>> = {
  liquidity_added: 'added',
  liquidity_removed: 'removed',
  liquidity_traded: 'traded',
}

/** Events of levels in the form of the truth. One that comes twice shows as a doubled sum. */
export const cellsOf = (events: LiquidityEvent[]): Map<string, Sums> => {
  const cells = new Map<string, Sums>()
  for (const { type, outcomeId, side, priceText = '', amountText = '', observedTimeMs, identity } of events) {
    const field = FIELDS[type]
    if (field === undefined) continue
    const cell = `${observedTimeMs} ${identity} ${outcomeId} ${side} ${millionths(priceText)}`
    const sums = cells.get(cell) ?? noSums()
    sums[field] += millionths(amountText)
    cells.set(cell, sums)
  }
  return cells
}
