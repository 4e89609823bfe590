import type { Side } from '../domain/book-side.ts'
import type { LevelProgress, OutcomeLiquidityProgress } from '../domain/progress.ts'

const SPAN_MS = 1_000
/** The post-trade book comes 1 to 90 ms before the trade is told; the rest is for a host that hangs. */
const BEHIND_MS = 500
/** Event types overtake each other by up to 8 ms: the trade may also be told first. */
export const AHEAD_MS = 100
/** After its end no trade can explain a decrease of a span any more. */
export const CLOSE_AFTER_MS = SPAN_MS + BEHIND_MS + AHEAD_MS
/** A trade that nothing explained is kept this much longer than it could be of use, since receive clocks step back. */
const WAITING_MS = 1_000

/** Sizes are millionths. `decreases`: what of each no trade has explained so far. */
type Cell = {
  side: Side
  price: number
  added: number
  traded: number
  decreases: { timeMs: number; size: number }[]
  /** JSON of it as a `LevelProgress`, which most commits find as it was; '' where it changed. */
  text: string
}
/** `text`: JSON of it as it is kept; '' where a cell changed. */
type Span = { startTimeMs: number; part: number; cells: Map<number, Cell>; text: string }
type Candidate = { span: Span; cell: Cell; decrease: Cell['decreases'][number] }
/** A trade as the level of its maker sees it. */
export type LevelTrade = { timeMs: number; side: Side; price: number; size: number }

/** What a level gained and lost within a second. `part` numbers the spans of one second: a gap ends a span early. */
export type LevelLiquidity = {
  startTimeMs: number
  part: number
  side: Side
  price: number
  added: number
  removed: number
  traded: number
}

const keyOf = (side: Side, price: number): number => price * 2 + (side === 'bid' ? 0 : 1)

const newCell = (side: Side, price: number): Cell => ({ side, price, added: 0, traded: 0, decreases: [], text: '' })

const toText = (key: number, { added, traded, decreases }: Cell, startTimeMs: number): string => {
  let text = `[${key},${added},${traded}`
  for (const { timeMs, size } of decreases) text += `,${timeMs - startTimeMs},${size}`
  return `${text}]`
}

const makeSpanText = ({ startTimeMs, part, cells }: Span): string => {
  const texts: string[] = []
  for (const [key, cell] of cells) {
    if (cell.text === '') cell.text = toText(key, cell, startTimeMs)
    texts.push(cell.text)
  }
  return `[${startTimeMs},${part},[${texts.join(',')}]]`
}

/** Not kept of the present second: the next commit finds it changed, and each collection until then would copy it. */
const spanText = (span: Span, current: Span | undefined): string => {
  if (span.text !== '') return span.text
  const text = makeSpanText(span)
  if (span !== current) span.text = text
  return text
}

const toCell = ([key, added, traded, ...rest]: LevelProgress, startTimeMs: number): Cell => {
  const decreases: Cell['decreases'] = []
  for (let at = 0; at < rest.length; at += 2) {
    decreases.push({ timeMs: startTimeMs + (rest[at] ?? 0), size: rest[at + 1] ?? 0 })
  }
  return { side: key % 2 === 0 ? 'bid' : 'ask', price: Math.floor(key / 2), added, traded, decreases, text: '' }
}

/** A decrease is explained by a trade of its level that was told up to `BEHIND_MS` after it, or `AHEAD_MS` before. */
const explains = (tradeTimeMs: number, decreaseTimeMs: number): boolean =>
  decreaseTimeMs >= tradeTimeMs - BEHIND_MS && decreaseTimeMs <= tradeTimeMs + AHEAD_MS

const toLiquidity = ({ startTimeMs, part }: Span, { side, price, added, traded, decreases }: Cell): LevelLiquidity => {
  const removed = decreases.reduce((sum, { size }) => sum + size, 0)
  return { startTimeMs, part, side, price, added, removed, traded }
}

/**
 * Size changes of one outcome's book by level and second of `captured_at`, those that trades explain apart. Of each
 * level and span `added - removed - traded` is exactly its net change: a trade explains at most the decreases that were
 * seen, of equal size first, then the newest.
 *
 * A span is open → (a gap cuts it) → closed `CLOSE_AFTER_MS` after its start, when its liquidity is told once.
 */
export class OutcomeLiquidity {
  #spans: Span[] = []
  #current: Span | undefined
  #newest = { startTimeMs: -1, part: 0 }
  /** Of the newest change. A change that writes no row, for the depth left it out, holds back no `captured_at`. */
  #changedTimeMs = 0
  #waiting: LevelTrade[] = []

  /** One that comes with an earlier time is of the time of the one before it: spans never go back. */
  change(side: Side, price: number, delta: number, givenTimeMs: number): void {
    const timeMs = Math.max(this.#changedTimeMs, givenTimeMs)
    this.#changedTimeMs = timeMs
    const cell = this.#cellAt(side, price, timeMs)
    if (delta > 0) {
      cell.added += delta
      return
    }
    const left = -delta - this.#takeWaiting(cell, -delta, timeMs)
    if (left > 0) cell.decreases.push({ timeMs, size: left })
  }

  trade(trade: LevelTrade): void {
    const key = keyOf(trade.side, trade.price)
    let left = trade.size
    for (const { span, cell, decrease } of this.#candidates(key, trade)) {
      const taken = Math.min(left, decrease.size)
      span.text = cell.text = ''
      cell.traded += taken
      decrease.size -= taken
      left -= taken
      if (decrease.size === 0) cell.decreases.splice(cell.decreases.indexOf(decrease), 1)
      if (left === 0) return
    }
    this.#waiting.push({ ...trade, size: left })
  }

  /** Nothing is known of the book from here on, or it begins anew: no span goes over it. */
  cut(): void {
    this.#current = undefined
  }

  /** Nothing is open, and no trade waits. */
  get isEmpty(): boolean {
    return this.#spans.length === 0 && this.#waiting.length === 0
  }

  /** When the oldest span is due; undefined where none is open. */
  get dueTimeMs(): number | undefined {
    const [oldest] = this.#spans
    return oldest === undefined ? undefined : oldest.startTimeMs + CLOSE_AFTER_MS
  }

  /** Takes out what is final by then. */
  close(clockMs: number): LevelLiquidity[] {
    const due = this.#spans.filter(({ startTimeMs }) => startTimeMs + CLOSE_AFTER_MS <= clockMs)
    if (due.length === 0) return []
    this.#spans = this.#spans.slice(due.length)
    if (this.#spans.length === 0) this.#current = undefined
    return due.flatMap((span) => [...span.cells.values()].map((cell) => toLiquidity(span, cell)))
  }

  /** Returns how many trades nothing explained, or not all of it. */
  forgetTrades(clockMs: number): number {
    const before = this.#waiting.length
    if (before === 0) return 0
    this.#waiting = this.#waiting.filter(({ timeMs }) => timeMs + AHEAD_MS + WAITING_MS > clockMs)
    return before - this.#waiting.length
  }

  /** JSON of an `OutcomeLiquidityProgress`. */
  keptText(): string {
    const { startTimeMs, part } = this.#newest
    const waiting = this.#waiting.map(({ timeMs, side, price, size }) => `[${timeMs},"${side}",${price},${size}]`)
    return (
      `{"newest":[${startTimeMs},${part},${this.#changedTimeMs}],"isCut":${this.#current === undefined},` +
      `"waiting":[${waiting.join(',')}],"spans":[${this.#spans.map((span) => spanText(span, this.#current)).join(',')}]}`
    )
  }

  restore({ newest: [startTimeMs, part, changedTimeMs], isCut, waiting, spans }: OutcomeLiquidityProgress): void {
    this.#newest = { startTimeMs, part }
    this.#changedTimeMs = changedTimeMs
    this.#waiting = waiting.map(([timeMs, side, price, size]) => ({ timeMs, side, price, size }))
    this.#spans = spans.map(([start, number, cells]) => ({
      startTimeMs: start,
      part: number,
      text: '',
      cells: new Map(cells.map((cell) => [cell[0], toCell(cell, start)])),
    }))
    this.#current = isCut ? undefined : this.#spans.at(-1)
  }

  #spanAt(timeMs: number): Span {
    const startTimeMs = timeMs - (timeMs % SPAN_MS)
    if (this.#current?.startTimeMs === startTimeMs) return this.#current
    const part = startTimeMs === this.#newest.startTimeMs ? this.#newest.part + 1 : 0
    this.#newest = { startTimeMs, part }
    this.#current = { startTimeMs, part, cells: new Map(), text: '' }
    this.#spans.push(this.#current)
    return this.#current
  }

  /** To be changed. */
  #cellAt(side: Side, price: number, timeMs: number): Cell {
    const span = this.#spanAt(timeMs)
    const { cells } = span
    span.text = ''
    const key = keyOf(side, price)
    const cell = cells.get(key) ?? newCell(side, price)
    cell.text = ''
    cells.set(key, cell)
    return cell
  }

  /** What trades that were told before it explain of a decrease, the first told first. */
  #takeWaiting(cell: Cell, size: number, timeMs: number): number {
    let taken = 0
    for (const trade of this.#waiting) {
      if (trade.side !== cell.side || trade.price !== cell.price || !explains(trade.timeMs, timeMs)) continue
      const part = Math.min(trade.size, size - taken)
      trade.size -= part
      taken += part
    }
    if (taken > 0) this.#waiting = this.#waiting.filter((trade) => trade.size > 0)
    cell.traded += taken
    return taken
  }

  /** Decreases that a trade may explain: one of equal size if there is one, else the newest first. */
  #candidates(key: number, { timeMs, size }: LevelTrade): Candidate[] {
    const all = this.#spans.flatMap((span): Candidate[] => {
      const cell = span.cells.get(key)
      if (cell === undefined) return []
      return cell.decreases
        .filter((decrease) => explains(timeMs, decrease.timeMs))
        .map((decrease) => ({ span, cell, decrease }))
    })
    const equal = all.findLast(({ decrease }) => decrease.size === size)
    return equal === undefined ? all.toReversed() : [equal]
  }
}
