import { bestOf, copyLevels, emptyLevels, sameLevels, setLevel, type Levels } from './levels.ts'
import type { Sent } from './sent.ts'

/** What a receiver must have noticed. `sinceMs`: from then on its book was not the venue's. */
export type Loss = {
  type: 'batch_end' | 'best_bid_ask' | 'lasting'
  connection: number
  timeMs: number
  sinceMs: number
}

/** A time in which the delivered book was not the venue's. */
export type Wrong = { fromMs: number; toMs: number }

/** The receiver replaced its book with a snapshot of the venue's time `venueMs`, at `timeMs`. */
export type Repair = { timeMs: number; venueMs: number; levels: Levels }

export type OfBook = Extract<Sent, { type: 'book' | 'change' }>
export const isOfBook = (one: Sent): one is OfBook => one.type === 'book' || one.type === 'change'

/**
 * A batch that nothing follows ends after 1 s of quiet by receive time (a feed may hang between its frames); a little more
 * must have ended it by send time too.
 */
const QUIET_MS = 1_050
/** A quote comes up to 5 ms early and fits any state within 100 ms by receive time. */
const BEST_WINDOW_MS = 150
/** A change of the quote's own time meets it too, if it is late only and nothing newer came before it. So may the rest of a batch. */
const LATE_MS = 1_000
/** A book that is wrong for so long must be found whatever is sent. */
const LASTING_MS = 30_000
/** No connection is open: theirs count from 1. */
const NONE = 0
/** The venue's tape and the frame of a connection may be noted a millisecond apart. */
const TRANSIENT_MS = 5

type Batch = { venueMs: number; hash: string; timeMs: number }
type Prices = { bid: string; ask: string; timeMs: number }
type Quote = Prices & { venueMs: number }
/** A quote that no state met in time, and the loss that it is unless its change was late. */
type Unmet = { quote: Quote; loss: Loss }
/** A batch that a whole book ended, the book of then, and the loss that it is unless the rest of the batch was late. */
type Overtaken = { batch: Batch; levels: Levels; loss: Loss }

export const keyOf = ({ venueMs, hash }: { venueMs: number; hash: string }): string => `${venueMs} ${hash}`

const isSameBest = (left: Prices, right: Prices): boolean => left.bid === right.bid && left.ask === right.ask

export const applyTo = (levels: Levels, one: OfBook): Levels => {
  if (one.type === 'book') return copyLevels(one.levels)
  setLevel(levels, one.row)
  return levels
}

/** The book that the frames really sent make, following one connection at a time. */
export class Receiver {
  readonly losses: Loss[] = []
  readonly wrong: Wrong[] = []
  /** The venue's own book now. */
  truth: Levels = emptyLevels()
  readonly #truths: ReadonlyMap<string, Levels>
  #levels: Levels | undefined
  #wholeMs = 0
  #changeMs = 0
  #connection = NONE
  readonly #heard = new Set<number>()
  /** What the connection delivered so far: a snapshot by REST may be older than some of it. */
  #delivered: OfBook[] = []
  #batch: Batch | undefined
  #quotes: Quote[] = []
  #unmet: Unmet[] = []
  #overtaken: Overtaken | undefined
  /** Best prices of states that were left lately. */
  #left: Prices[] = []
  #wrongSinceMs: number | undefined
  #isLasting = false

  /** `truths`: the venue's book after each batch, by `keyOf` it. */
  constructor(truths: ReadonlyMap<string, Levels>) {
    this.#truths = truths
  }

  /** To be called before each text: what time alone ends. */
  advance(timeMs: number): void {
    if (this.#batch !== undefined && timeMs - this.#batch.timeMs > QUIET_MS) this.#endBatch()
    if (this.#overtaken !== undefined && timeMs - this.#overtaken.loss.timeMs > LATE_MS) this.#giveUpBatch()
    const isDue = (quote: Prices): boolean => timeMs - quote.timeMs > BEST_WINDOW_MS
    for (const quote of this.#quotes) if (isDue(quote)) this.#miss(quote)
    this.#giveUp(({ quote }) => timeMs - quote.timeMs > LATE_MS)
    this.#quotes = this.#quotes.filter((quote) => !isDue(quote))
    this.#left = this.#left.filter((quote) => !isDue(quote))
    const sinceMs = this.#wrongSinceMs
    if (sinceMs === undefined || this.#isLasting || timeMs - sinceMs < LASTING_MS) return
    this.#isLasting = true
    this.#lose('lasting', sinceMs + LASTING_MS)
  }

  deliver(connection: number, one: Sent): void {
    if (!this.#heard.has(connection)) this.#turnTo(connection)
    if (connection !== this.#connection) return
    if (one.type === 'best') this.#quotes.push(one)
    if (isOfBook(one)) {
      this.#delivered.push(one)
      if (one.type === 'change') this.#completeOvertaken(one)
      if (!this.#isOvertaken(one)) this.#follow(one)
    }
    this.#settleQuotes()
  }

  /** The connection's end is no loss of its own: the receiver sees it. */
  close(connection: number): void {
    if (connection !== this.#connection) return
    this.#forget()
    this.#connection = NONE
  }

  repair({ venueMs, levels }: Repair): void {
    this.#giveUpBatch()
    this.#levels = copyLevels(levels)
    this.#wholeMs = venueMs
    this.#changeMs = 0
    this.#batch = undefined
    this.#quotes = []
    for (const one of this.#delivered) if (one.venueMs >= venueMs && !this.#isOvertaken(one)) this.#take(one)
  }

  /** To be called after each text. */
  compare(timeMs: number): void {
    if (this.#levels !== undefined && !sameLevels(this.#levels, this.truth)) this.#wrongSinceMs ??= timeMs
    else this.#right(timeMs)
  }

  end(timeMs: number): void {
    this.advance(timeMs)
    this.#giveUpBatch()
    this.#giveUp(() => true)
    this.#right(Infinity)
  }

  #right(timeMs: number): void {
    const fromMs = this.#wrongSinceMs
    if (fromMs !== undefined && timeMs - fromMs > TRANSIENT_MS) this.wrong.push({ fromMs, toMs: timeMs })
    this.#wrongSinceMs = undefined
    this.#isLasting = false
  }

  /** A token that was moved goes on where it was heard first last. */
  #turnTo(connection: number): void {
    this.#heard.add(connection)
    // A snapshot that came by REST after the end of the last connection is what this one goes on from.
    if (this.#connection !== NONE) this.#forget()
    this.#connection = connection
  }

  #forget(): void {
    this.#giveUp(() => true)
    this.#giveUpBatch()
    this.#levels = undefined
    this.#changeMs = 0
    this.#delivered = []
    this.#batch = undefined
    this.#quotes = []
    this.#left = []
  }

  /** Changes come in the venue's order: what is older than the last book or change is dropped, and its hash says nothing. */
  #isOvertaken(one: OfBook): boolean {
    if (this.#levels === undefined) return one.type === 'change'
    return one.venueMs < (one.type === 'book' ? this.#wholeMs : Math.max(this.#wholeMs, this.#changeMs))
  }

  #follow(one: OfBook): void {
    this.#giveUp(({ quote }) => one.venueMs > quote.venueMs + BEST_WINDOW_MS)
    if (this.#batch !== undefined && keyOf(this.#batch) !== keyOf(one)) this.#endBatch(one.type === 'book')
    if (this.#levels !== undefined) this.#left.push({ ...bestOf(this.#levels), timeMs: one.timeMs })
    this.#take(one)
    this.#batch = { venueMs: one.venueMs, hash: one.hash, timeMs: one.timeMs }
  }

  #take(one: OfBook): void {
    if (one.type === 'book') this.#wholeMs = one.venueMs
    else this.#changeMs = one.venueMs
    this.#levels = applyTo(this.#levels ?? emptyLevels(), one)
  }

  #endBatch(isOvertaken = false): void {
    const batch = this.#batch
    this.#batch = undefined
    if (batch === undefined || this.#levels === undefined) return
    const truth = this.#truths.get(keyOf(batch))
    if (truth === undefined || sameLevels(truth, this.#levels)) return
    if (this.#isAhead(batch)) return
    const loss = this.#lossOf('batch_end', batch.timeMs)
    const isFirst = this.#overtaken === undefined
    this.#giveUpBatch()
    if (loss === undefined) return
    if (isOvertaken && isFirst) this.#overtaken = { batch, loss, levels: copyLevels(this.#levels) }
    else this.losses.push(loss)
  }

  /** The rest of a batch that a whole book has overtaken: what its texts make of the book of then. */
  #completeOvertaken(one: Extract<OfBook, { type: 'change' }>): void {
    const overtaken = this.#overtaken
    if (overtaken === undefined || keyOf(overtaken.batch) !== keyOf(one)) return
    setLevel(overtaken.levels, one.row)
    const truth = this.#truths.get(keyOf(one))
    if (truth !== undefined && sameLevels(truth, overtaken.levels)) this.#overtaken = undefined
  }

  #giveUpBatch(): void {
    if (this.#overtaken !== undefined) this.losses.push(this.#overtaken.loss)
    this.#overtaken = undefined
  }

  /** A text that came late into a book that is already a later one of the venue: nothing is wrong. */
  #isAhead({ venueMs }: Batch): boolean {
    const levels = this.#levels
    if (levels === undefined) return false
    return [...this.#truths].some(([key, truth]) => Number(key.split(' ')[0]) >= venueMs && sameLevels(truth, levels))
  }

  #settleQuotes(): void {
    if (this.#levels === undefined) return
    const now = { ...bestOf(this.#levels), timeMs: 0 }
    const states = [...this.#left, now]
    this.#quotes = this.#quotes.filter((quote) => !states.some((best) => isSameBest(best, quote)))
    this.#unmet = this.#unmet.filter(({ quote }) => !isSameBest(now, quote))
  }

  #miss(quote: Quote): void {
    const loss = this.#lossOf('best_bid_ask', quote.timeMs)
    if (loss !== undefined) this.#unmet.push({ quote, loss })
  }

  #giveUp(isLost: (unmet: Unmet) => boolean): void {
    for (const unmet of this.#unmet) if (isLost(unmet)) this.losses.push(unmet.loss)
    this.#unmet = this.#unmet.filter((unmet) => !isLost(unmet))
  }

  #lose(type: Loss['type'], timeMs: number): void {
    const loss = this.#lossOf(type, timeMs)
    if (loss !== undefined) this.losses.push(loss)
  }

  #lossOf(type: Loss['type'], timeMs: number): Loss | undefined {
    if (this.#levels === undefined) return undefined
    return { type, connection: this.#connection, timeMs, sinceMs: this.#wrongSinceMs ?? timeMs }
  }
}
