import type { MetricBucket, MetricSample, MetricsProgress } from '../domain/metric.ts'
import { stateFromKept, stateToKept, UNKNOWN } from './book-state.ts'
import { History, type ClosedBucket } from './history.ts'
import { toBucket, toRestored } from './kept-buckets.ts'
import { fromKept, holdAll, moveAll, newSlots, readAll, toKept, tradeAll } from './layout.ts'
import type { BookState, Slots, Trade } from './metric.ts'
import { LEVELS, STEPS, stepMs, TEN_MS, WINDOWS, windowStartMs } from './windows.ts'

/** How long after a boundary its rows are written without a frame that passes it. */
const GRACE_MS = 1_000

/** Takes what comes of it. `late`: an event of the book was older than a bucket that is closed, and counts from there on. */
export type MetricsOut = {
  sample: (sample: MetricSample) => void
  bucket: (bucket: MetricBucket) => void
  late: () => void
}

const tenOf = (timeMs: number): number => Math.floor(timeMs / TEN_MS)

/**
 * The rolling metrics of one market. Its clock is that of the book's rows (`captured_at`, never going back): the bucket of
 * ten seconds that is open closes with the first row after it. Before that, what the wall clock makes due is written from
 * a copy, and once more at the close if something changed after all. Trades may come up to a bucket ahead of the book or
 * late; by two ahead they move the clock. A state counts if it was there at the end of a millisecond.
 */
export class MarketMetrics {
  readonly #marketId: string
  readonly #history = new History()
  /** The open bucket, and what came for the one after it. */
  #ten: number | undefined
  #slots = newSlots()
  #ahead: Slots | undefined
  /** The book since `sinceTimeMs`, and the mid directly before it (0: none). */
  #state = UNKNOWN
  #sinceTimeMs = 0
  #beforeMid = 0
  /** The book at the start of the open bucket of each size. */
  #openings: BookState[] = LEVELS.map(() => UNKNOWN)
  /** Something happened in the open bucket; and since its rows were written. */
  #isActive = false
  #isDirty = false
  /** A trade came for a bucket that is closed: the rows of the newest boundary are to be written again. */
  #isLate = false
  /** Newest boundary whose rows were written. */
  #writtenTimeMs = 0
  /** The open bucket's number, where the rows of its beginning wait for their time. */
  #dueTen: number | undefined
  readonly #phaseMs: number

  /** `phaseMs`: how long after a boundary its rows are written, so that those of many markets do not come at once. */
  constructor(marketId: string, phaseMs = 0) {
    this.#marketId = marketId
    this.#phaseMs = phaseMs
  }

  /** Goes on from what was committed. */
  restore(progress: MetricsProgress, buckets: MetricBucket[]): void {
    const ten = tenOf(progress.startTimeMs)
    this.#ten = ten
    this.#slots = fromKept(progress.slots)
    this.#ahead = progress.ahead === undefined ? undefined : fromKept(progress.ahead)
    this.#state = stateFromKept(progress.state)
    this.#sinceTimeMs = progress.sinceTimeMs
    this.#beforeMid = progress.beforeMid
    this.#openings = LEVELS.map((level) => stateFromKept(progress.openings[level] ?? ''))
    this.#isActive = progress.isActive
    this.#isDirty = progress.isDirty
    this.#isLate = progress.isLate
    this.#writtenTimeMs = progress.writtenTimeMs
    this.#dueTen = progress.isDue === true ? ten : undefined
    for (const level of LEVELS) {
      const step = stepMs(level)
      const kept = buckets.filter((bucket) => bucket.stepMs === step).map(toRestored)
      this.#history.restore(level, ten, this.#openings[level] ?? UNKNOWN, new Map(kept))
    }
  }

  progress(): MetricsProgress | undefined {
    if (this.#ten === undefined) return undefined
    return {
      startTimeMs: this.#ten * TEN_MS,
      sinceTimeMs: this.#sinceTimeMs,
      beforeMid: this.#beforeMid,
      writtenTimeMs: this.#writtenTimeMs,
      isActive: this.#isActive,
      isDirty: this.#isDirty,
      isLate: this.#isLate,
      isDue: this.#dueTen !== undefined,
      state: stateToKept(this.#state),
      openings: this.#openings.map(stateToKept),
      slots: toKept(this.#slots),
      ahead: this.#ahead === undefined ? undefined : toKept(this.#ahead),
    }
  }

  /** An event of the book wrote rows. `isGap`: from here on nothing is known, and what came before leads nowhere. */
  book(timeMs: number, state: BookState, isGap: boolean, out: MetricsOut): void {
    const open = (this.#ten ??= tenOf(timeMs)) * TEN_MS
    if (timeMs < open) out.late()
    const at = Math.max(timeMs, open, this.#sinceTimeMs)
    if (at > this.#sinceTimeMs) this.#settle(at, out)
    this.#state = state
    if (isGap) this.#beforeMid = 0
    this.#isActive = true
    this.#isDirty = true
  }

  trade(trade: Trade, out: MetricsOut): void {
    const ten = tenOf(trade.capturedTimeMs)
    this.#ten ??= ten - 1
    if (ten > this.#ten + 1) this.#advance(ten - 1, trade.capturedTimeMs, out)
    if (ten < this.#ten) return this.#addLate(ten, trade, out)
    if (ten > this.#ten) return tradeAll((this.#ahead ??= newSlots()), trade)
    tradeAll(this.#slots, trade)
    this.#isActive = true
    this.#isDirty = true
  }

  /** Whether rows are due that no frame has brought yet. */
  isDue(nowMs: number): boolean {
    if (this.#ten === undefined) return false
    if (this.#isLate || this.#isPhaseDue(nowMs)) return true
    const sinceEndMs = this.#quietTimeMs(nowMs) - (this.#ten + 1) * TEN_MS
    return sinceEndMs >= 0 && (this.#isDirty || (this.#ahead !== undefined && sinceEndMs >= TEN_MS))
  }

  /** Writes what is due by the wall clock. */
  tick(nowMs: number, out: MetricsOut): void {
    if (this.#ten === undefined || !this.isDue(nowMs)) return
    const quietTimeMs = this.#quietTimeMs(nowMs)
    if (this.#isPhaseDue(nowMs)) this.#writeDue(out)
    if (this.#ahead !== undefined && tenOf(quietTimeMs) >= this.#ten + 2) this.#advance(this.#ten + 1, nowMs, out)
    this.#writeLate(this.#ten, out)
    if (!this.#isDirty || quietTimeMs < (this.#ten + 1) * TEN_MS) return
    this.#writeDue(out)
    const slots = this.#slots.slice()
    this.#extend(slots, (this.#ten + 1) * TEN_MS)
    this.#history.record(this.#ten, slots, this.#isActive)
    this.#write(this.#ten + 1, out)
    this.#isDirty = false
  }

  #quietTimeMs(nowMs: number): number {
    return nowMs - GRACE_MS - this.#phaseMs
  }

  #isPhaseDue(nowMs: number): boolean {
    return this.#dueTen !== undefined && nowMs >= this.#dueTen * TEN_MS + this.#phaseMs
  }

  /** Rows that became due so long ago that not all of their windows can be restored are not written. */
  forgetDue(): void {
    this.#isDirty = this.#isLate = false
    this.#dueTen = undefined
  }

  /** All that was before `at` is final. */
  #settle(at: number, out: MetricsOut): void {
    this.#advance(tenOf(at), at, out)
    this.#extend(this.#slots, at)
    this.#beforeMid = this.#state.mid
    this.#sinceTimeMs = at
  }

  /** Closes buckets until `ten` is the open one. */
  #advance(ten: number, nowMs: number, out: MetricsOut): void {
    if (this.#ten !== undefined && this.#ten < ten) this.#writeLate(this.#ten, out)
    while (this.#ten !== undefined && this.#ten < ten && (this.#isActive || this.#ahead !== undefined)) {
      this.#closeBucket(this.#ten, nowMs, out)
    }
    if (this.#ten === undefined || this.#ten >= ten) return
    this.#writeDue(out)
    this.#tellClosed(this.#history.quiet(this.#ten, ten, this.#state), out)
    this.#begin(this.#ten, ten)
  }

  #closeBucket(ten: number, nowMs: number, out: MetricsOut): void {
    this.#writeDue(out)
    this.#extend(this.#slots, (ten + 1) * TEN_MS)
    this.#beforeMid = this.#state.mid
    this.#tellClosed(this.#history.record(ten, this.#slots, this.#isActive), out)
    if (this.#isDirty) this.#dueTen = ten + 1
    this.#begin(ten, ten + 1)
    if (this.#isPhaseDue(nowMs)) this.#writeDue(out)
  }

  #tellClosed(closed: ClosedBucket[], out: MetricsOut): void {
    for (const bucket of closed) out.bucket(this.#toBucket(bucket, this.#openings[bucket.level]))
  }

  /** The bucket `next` opens, and the larger ones that begin between. */
  #begin(ten: number, next: number): void {
    this.#openings = LEVELS.map((level) => {
      const { tens } = STEPS[level]
      const isNew = Math.floor(next / tens) > Math.floor(ten / tens)
      return isNew ? this.#state : (this.#openings[level] ?? UNKNOWN)
    })
    this.#ten = next
    this.#slots = this.#ahead ?? newSlots()
    this.#isActive = this.#isDirty = this.#ahead !== undefined
    this.#ahead = undefined
  }

  /** Adds to the open bucket what the book was until `untilTimeMs`, and the move that led to it. */
  #extend(slots: Slots, untilTimeMs: number): void {
    moveAll(slots, this.#beforeMid, this.#state.mid)
    const fromTimeMs = Math.max(this.#sinceTimeMs, (this.#ten ?? 0) * TEN_MS)
    holdAll(slots, this.#state, untilTimeMs - fromTimeMs)
  }

  /** A trade of a closed bucket counts in it, and in all rows that are still to come; the newest ones are written again. */
  #addLate(ten: number, trade: Trade, out: MetricsOut): void {
    const open = this.#ten ?? ten
    const closed = this.#history.addLate(ten, open, (slots) => tradeAll(slots, trade))
    for (const bucket of closed) out.bucket(this.#toBucket(bucket, undefined))
    this.#isLate = true
    if (this.#writtenTimeMs > open * TEN_MS) this.#isDirty = true
  }

  /** Before the bucket after the boundary closes: the windows end where it begins. */
  #writeDue(out: MetricsOut): void {
    if (this.#dueTen !== undefined) this.#write(this.#dueTen, out)
  }

  #writeLate(open: number, out: MetricsOut): void {
    if (this.#isLate) this.#write(open, out)
    this.#isLate = false
  }

  #toBucket(closed: ClosedBucket, opening: BookState | undefined): MetricBucket {
    return toBucket(this.#marketId, closed, { opening, ringSize: this.#history.ring(closed.level).size })
  }

  /** The rows of the boundary at which `ten` begins. */
  #write(ten: number, out: MetricsOut): void {
    const measuredTimeMs = ten * TEN_MS
    if (this.#dueTen === ten) this.#dueTen = undefined
    const values = WINDOWS.flatMap((window) =>
      readAll(this.#history.fold(window, ten), window, measuredTimeMs - windowStartMs(window, measuredTimeMs)),
    )
    const isAgain = this.#writtenTimeMs >= measuredTimeMs
    out.sample({ marketId: this.#marketId, measuredTimeMs, isAgain, values })
    this.#writtenTimeMs = Math.max(this.#writtenTimeMs, measuredTimeMs)
  }
}
