import type { Book } from '../domain/book.ts'
import type { BookSide } from '../domain/book-side.ts'
import type { MoveProgress } from '../domain/progress.ts'
import type { Instant, Journal, Meter, Watch, Watched } from './rule.ts'

/** Best prices in millionths; an empty side has none. */
type Top = { bid: number; ask: number }
const EMPTY = -1
/** Of no book. */
const UNKNOWN: Top = { bid: -2, ask: -2 }
const priceOf = (side: BookSide): number => side.best()?.price ?? EMPTY

/** Each frame may go through all of them. */
export const MOST_METERS = 50
/** Values a list that the windows of an outcome keep for a restart, all together: it is written with each commit. */
const MOST_KEPT = 1_000

type BookWatch = Extract<Watch, { type: 'book' }>

/** The rules of one outcome's book. A state that is not proved yet is `open`: it is looked at once it is. */
export class OutcomeRules {
  readonly #meters = new Map<string, { meter: Meter; count: number }>()
  /** When the state that was not looked at yet came to be. */
  #open: Instant | undefined
  /** Whether a rule would change its state in it, or nobody has asked yet. */
  #isDue = true
  #newestTimeMs = 0
  #isNew = false
  /** When the first cooldown ends of a rule whose condition held. */
  #readyTimeMs = Infinity
  /** The meters, and those of them that other sizes concern: each frame goes through them. */
  #all: Meter[] = []
  #ofSizes: Meter[] = []
  /** Those that have something to go on with after a restart. */
  #windows: [key: string, meter: Meter][] = []
  /** What they have, as of the last state that they were given: it is written with each commit, and seldom another. */
  #progress: Record<string, MoveProgress> | undefined
  /** Best prices at which no rule was due. */
  #top = UNKNOWN
  /** Whether a state since the last proved one has to be given to somebody. */
  #isNeeded = false
  /** As committed: of use to the meters that are opened with the tape. */
  #kept: Record<string, MoveProgress>

  constructor(kept: Record<string, MoveProgress> = {}) {
    this.#kept = kept
  }

  get open(): Instant | undefined {
    return this.#open
  }

  /** Whether time alone, or a proof, may change something. */
  get isWaiting(): boolean {
    return this.#open !== undefined || this.#isNew || this.#readyTimeMs < Infinity
  }

  /** False where it would be one meter too many. */
  add(watch: BookWatch, watched: Watched): boolean {
    const known = this.#meters.get(watch.key)
    if (known === undefined && this.#meters.size >= MOST_METERS) return false
    const found = known ?? { meter: watch.openMeter(this.#kept[watch.key]), count: 0 }
    this.#meters.set(watch.key, found)
    found.count += 1
    found.meter.add(watched)
    this.#sort()
    this.#isNew = true
    this.#top = UNKNOWN
    return true
  }

  /** All rules that were committed are there. `at`: when the book came to be as it is, which may be yet to be looked at. */
  begin(at: Instant | undefined): void {
    this.#kept = {}
    if (at !== undefined) this.note(at)
  }

  /** Whether the open state, which is due for nobody, has to be given to somebody once it is proved. */
  get isNeeded(): boolean {
    return this.#isNeeded
  }

  progress(): Record<string, MoveProgress> {
    return (this.#progress ??= this.#newProgress())
  }

  #newProgress(): Record<string, MoveProgress> {
    const most = Math.floor(MOST_KEPT / this.#windows.length)
    const entries = this.#windows.flatMap(([key, meter]): [string, MoveProgress][] => {
      const progress = meter.progress?.(most)
      return progress === undefined ? [] : [[key, progress]]
    })
    return Object.fromEntries(entries)
  }

  remove(watch: BookWatch, watched: Watched): void {
    const found = this.#meters.get(watch.key)
    if (found === undefined) return
    found.meter.remove(watched)
    found.count -= 1
    if (found.count > 0) return
    this.#meters.delete(watch.key)
    this.#sort()
  }

  /** The book changed. */
  note(at: Instant): void {
    if (this.#all.length === 0) return
    this.#open = at
    this.#isDue = true
  }

  /** The book is not known any more: rules stay as they are, and nothing is remembered across it. */
  lose(): void {
    this.#open = undefined
    this.#isNeeded = false
    this.#top = UNKNOWN
    this.#progress = undefined
    for (const meter of this.#all) meter.lose()
  }

  /** Whether a rule would change its state in the open state of the book. One that nobody needs is not open any more. */
  isDue(book: Book): boolean {
    if (this.#open === undefined) return false
    const { capturedTimeMs } = this.#open
    const isTopNew = this.#isTopNew(book) || this.#readyTimeMs <= capturedTimeMs
    this.#isDue = true
    const meters = isTopNew ? this.#all : this.#ofSizes
    for (const meter of meters) {
      if (meter.isDue(book, capturedTimeMs)) return true
      this.#isNeeded ||= meter.isNeeded(book)
    }
    this.#isDue = false
    if (isTopNew) this.#noteTop(book)
    if (!this.#isNeeded) this.#open = undefined
    return false
  }

  /** The open state is proved. Where no rule is due in it, it goes to those who need it. */
  settleOpen(book: Book, journal: Journal): void {
    if (this.#open === undefined) return
    const at = this.#timed(this.#open)
    this.#progress = undefined
    for (const meter of this.#all) {
      if (this.#isDue || meter.isNeeded(book)) meter.settle(book, at, journal)
    }
    if (this.#isDue) this.#noteTop(book)
    this.#readyTimeMs = this.#firstReadyTimeMs()
    this.#open = undefined
    this.#isNeeded = false
  }

  /** New rules, and ends of cooldowns while the book stands, which is proved. */
  settleByTime(book: Book, at: Instant, journal: Journal): void {
    if (!this.#isNew && this.#readyTimeMs > at.capturedTimeMs) return
    this.#isNew = false
    this.#progress = undefined
    const timed = this.#timed(at)
    for (const meter of this.#all) meter.settle(book, timed, journal)
    this.#readyTimeMs = this.#firstReadyTimeMs()
  }

  #sort(): void {
    this.#all = [...this.#meters.values()].map(({ meter }) => meter)
    this.#ofSizes = this.#all.filter(({ watches }) => watches === 'sizes')
    this.#windows = [...this.#meters].flatMap(([key, { meter }]) =>
      meter.progress === undefined ? [] : [[key, meter]],
    )
    this.#progress = undefined
  }

  /** Most changes leave the best prices as they are. */
  #isTopNew({ bids, asks }: Book): boolean {
    return this.#top.bid !== priceOf(bids) || this.#top.ask !== priceOf(asks)
  }

  #noteTop({ bids, asks }: Book): void {
    this.#top = { bid: priceOf(bids), ask: priceOf(asks) }
  }

  #firstReadyTimeMs(): number {
    let first = Infinity
    for (const meter of this.#all) first = Math.min(first, meter.readyTimeMs())
    return first
  }

  /** Time never goes back: two clocks meet here. */
  #timed({ capturedTimeMs, exchangeTimeMs }: Instant): Instant {
    this.#newestTimeMs = Math.max(this.#newestTimeMs, capturedTimeMs)
    return { capturedTimeMs: this.#newestTimeMs, exchangeTimeMs }
  }
}
