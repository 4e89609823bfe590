import type { GapReason, StreamEntry } from '../domain/frame.ts'
import { learnIdentity } from '../domain/book.ts'
import { orderbookStream } from '../domain/keys.ts'
import type { Market, MarketState } from '../domain/market.ts'
import type { Parsed } from '../domain/event.ts'
import type { Stats } from '../lib/stats.ts'
import { applyFrame, applyOlderTrade } from './apply-frame.ts'
import { addDeadLetter, type Batch, type FrameContext, type GapCause, type TapeContext } from './batch.ts'
import { HourTally } from './hour-tally.ts'
import type { Judge } from './judge.ts'
import { isContinuation } from './marker.ts'
import { LastTradePrices } from './last-trade-prices.ts'
import { tellFrame, type MarketListener } from './listener.ts'
import { bookNeed, marketState } from './market-state.ts'
import { isMirrorDoubted } from './mirror-doubt.ts'
import { OlderConnections } from './older-connections.ts'
import { outcomeProgress, resumeWithoutBook } from './outcome-progress.ts'
import { OutcomeTape } from './outcome-tape.ts'
import { reprocessInMarket } from './reprocess.ts'
import type { KeptProgress, MarketProgress } from '../domain/progress.ts'

export type TapeDeps = {
  parseMessage: (text: string) => Parsed
  parseRestBook: (text: string) => Parsed
  judge: Judge
  stats: Stats
}

/**
 * The recorded books of one market, fed by one stream. It follows one connection (epoch) at a time: the first frame of
 * a newer epoch ends the older one for good, since interleaving two connections corrupts a book. Ordinals are dense
 * within an epoch: one at or below the last applied is a replay, a jump is a loss.
 */
export class MarketTape {
  readonly market: Market
  readonly stream: string
  readonly outcomes: OutcomeTape[]
  readonly prices = new LastTradePrices()
  readonly tally = new HourTally()
  readonly older = new OlderConnections()
  /** None while the tape is rebuilt: what was committed is not told twice. */
  readonly listeners: MarketListener[] = []
  /** What they had kept when the tape was committed last. */
  kept: KeptProgress = {}
  readonly deps: TapeDeps
  epoch = ''
  ordinal = 0
  /** Stream id of the last entry that was applied, and of the last one that was put into a batch to commit. */
  lastId = '0-0'
  sealedId = '0-0'
  /** Where it was put away: its market had ended, and no entry came for long. */
  closedId: string | undefined
  /** Commits of it: see `MarketProgress`. */
  revision = 0
  /** Receive time of the newest frame that was applied. */
  receivedTimeMs = 0
  /** Rowless ones too: the stream is trimmed behind the checkpoint. */
  framesSinceCheckpoint = 0
  /** True until the first checkpoint, and after a snapshot. */
  isCheckpointDue = true
  subscription: MarketProgress['subscription'] = 'active'
  /** Nothing is shown of it any more, whatever still comes. */
  isResolved: boolean
  #areBooksLost = false
  #catalogued: Market
  /** Whether the books of the two outcomes contradict each other for longer than the wire explains. */
  isMirrorBroken = false
  readonly #byToken: Map<string, OutcomeTape>

  constructor(market: Market, deps: TapeDeps) {
    const { judge, stats } = deps
    const { prices, tally, listeners } = this
    this.market = market
    this.#catalogued = market
    this.isResolved = market.status === 'resolved'
    this.deps = deps
    this.stream = orderbookStream(market.marketId)
    const ticks = (): string[] => this.outcomes.map(({ book }) => book.identity.tickSize)
    const proofDeps = { judge, prices, stats, ticks, tally: tally.countBatch.bind(tally), listeners }
    this.outcomes = market.outcomes.map((outcome) => new OutcomeTape(market, outcome, proofDeps))
    this.#byToken = new Map(this.outcomes.map((tape) => [tape.outcome.token, tape]))
  }

  get sequence(): number {
    return this.outcomes.reduce((sum, tape) => sum + tape.sequence, 0)
  }

  /** Levels a side that are written; 0 = all. The books are always whole: their hashes are. */
  get depth(): number {
    return this.outcomes[0]?.writer.depth ?? 0
  }

  set depth(levels: number) {
    for (const { writer } of this.outcomes) writer.depth = levels
  }

  get state(): MarketState {
    return marketState(this)
  }

  /** Whether readers are to see books of it. */
  get isShown(): boolean {
    return this.subscription !== 'stopped' && !this.isResolved
  }

  resyncNeed(nowMs: number): 'now' | 'soon' | undefined {
    return bookNeed(this, nowMs)
  }

  outcomeOf(token: string): OutcomeTape | undefined {
    return this.#byToken.get(token)
  }

  progress(): MarketProgress {
    const { epoch, ordinal, subscription, depth, receivedTimeMs, revision } = this
    const { hour } = this.tally
    const outcomes = this.outcomes.map(outcomeProgress)
    const isClosed = this.closedId === this.lastId
    return { epoch, ordinal, subscription, depth, receivedTimeMs, hour, isClosed, outcomes, revision }
  }

  /** Continues sequences from a stored position whose books could not be rebuilt. */
  resumeWithoutBooks(progress: MarketProgress): void {
    this.#areBooksLost = true
    this.epoch = progress.epoch
    this.ordinal = progress.ordinal
    this.subscription = progress.subscription
    this.depth = progress.depth
    this.receivedTimeMs = progress.receivedTimeMs
    this.outcomes.forEach((tape, index) => {
      const stored = progress.outcomes[index]
      if (stored !== undefined) resumeWithoutBook(tape, stored)
    })
  }

  apply(entry: StreamEntry, batch: Batch): void {
    this.lastId = entry.id
    if (entry.frames.some(({ kind }) => kind === 'reprocess')) return this.#reprocess(entry, batch)
    if (entry.epoch < this.epoch) return this.#applyOlder(entry, batch)
    let ordinal = entry.firstOrdinal
    for (const frame of entry.frames) {
      const context = { frame, batch, entryId: entry.id, ordinal }
      if (entry.epoch > this.epoch) this.#follow(entry.epoch, context)
      if (ordinal <= this.ordinal) this.deps.stats.count('framesReplayed')
      else this.#applyNext(ordinal, context)
      ordinal += 1
    }
  }

  /** The end of a read: books that hash to what the venue says are proved at once. */
  proveEarly(batch: Batch): void {
    for (const tape of this.outcomes) if (tape.status === 'following') tape.verification.proveEarly(batch)
    this.isMirrorBroken = isMirrorDoubted(this)
    if (this.isMirrorBroken) this.deps.stats.count('mirrorMismatches')
  }

  /** Opens the gaps of books that could not be rebuilt, where their newest rows are: what waits in the stream came since. */
  tellLostBooks({ frame, batch }: TapeContext): void {
    if (!this.#areBooksLost) return
    this.#areBooksLost = false
    const detail = 'the stream no longer holds what followed the last checkpoint'
    const lastFrame = { ...frame, receivedTimeMs: Math.min(this.receivedTimeMs, frame.receivedTimeMs) }
    this.openGaps('stream_loss', detail, { frame: lastFrame, batch }, frame.receivedTimeMs)
  }

  /**
   * Takes over what the catalogue says anew. What it only repeats does not undo what whole books said since, and the tick
   * follows the market channel, which knows it first.
   */
  updateMarket(market: Market): void {
    const before = this.#catalogued
    this.#catalogued = market
    const told = {
      tickSize: undefined,
      minOrderSize: market.minOrderSize === before.minOrderSize ? undefined : market.minOrderSize,
      negRisk: market.negRisk === before.negRisk ? undefined : market.negRisk,
      version: market.version,
    }
    for (const { book } of this.outcomes) book.identity = learnIdentity(book.identity, told)
  }

  /** Opens a gap in every outcome that has a book. */
  openGaps(reason: GapReason, detail: string, context: TapeContext, detectedTimeMs?: number): void {
    const cause = { reason, detail, sinceTimeMs: undefined, lastGoodSequence: undefined, detectedTimeMs }
    for (const tape of this.outcomes) this.openGap(tape, cause, context)
  }

  /** Opens a gap in an outcome that has a book; with `isAlways` also in one that waits for its first. */
  openGap(tape: OutcomeTape, cause: GapCause, context: TapeContext, isAlways = false): void {
    if (tape.status === 'waiting' && !isAlways) tape.window.forget()
    else tape.openGap(cause, context)
  }

  reject(reason: string, detail: string, context: FrameContext): void {
    this.deps.stats.count('deadLetters')
    addDeadLetter(context, this.stream, { reason, detail })
  }

  /** Dead letters that are fed again stand apart from the connection that is followed. */
  #reprocess({ id: entryId, frames, firstOrdinal }: StreamEntry, batch: Batch): void {
    const { parseMessage, parseRestBook } = this.deps
    frames.forEach((frame, index) => {
      const context = { frame, batch, entryId, ordinal: firstOrdinal + index }
      reprocessInMarket(context, { market: this.market, parseMessage, parseRestBook })
    })
  }

  /** A book follows one connection; a trade stands for itself, and may be one that only the older connection saw. */
  #applyOlder({ id: entryId, epoch, frames, firstOrdinal }: StreamEntry, batch: Batch): void {
    this.deps.stats.count('framesOfOldConnections', frames.length)
    frames.forEach((frame, index) => {
      const ordinal = firstOrdinal + index
      if (this.older.accept(epoch, ordinal)) applyOlderTrade(this, epoch, { frame, batch, entryId, ordinal })
    })
  }

  #follow(epoch: string, context: FrameContext): void {
    const isContinued = isContinuation(context.frame)
    const detail = `connection ${this.epoch} ended without a word; ${epoch} goes on`
    if (this.epoch !== '' && !isContinued) this.openGaps('feed_restart', detail, context)
    if (this.epoch !== '') this.older.leave(this.epoch, this.ordinal)
    if (!isContinued) for (const tape of this.outcomes) tape.window.forget()
    this.epoch = epoch
    this.ordinal = 0
  }

  #applyNext(ordinal: number, context: FrameContext): void {
    const { frame, batch } = context
    const expected = this.ordinal + 1
    if (ordinal > expected) {
      const detail = `expected frame ${expected} of connection ${this.epoch}, came ${ordinal}`
      this.openGaps('stream_loss', detail, context)
      this.deps.stats.count('framesMissing', ordinal - expected)
    }
    this.ordinal = ordinal
    batch.frameCount += 1
    batch.frameBytes += frame.text.length
    this.framesSinceCheckpoint += 1
    const endedHour = this.tally.countFrame(frame.receivedTimeMs)
    if (endedHour !== undefined) batch.hours.push({ marketId: this.market.marketId, ...endedHour })
    // A frame of the websocket may be the very one that was waited for; whatever else comes says that none was.
    if (frame.kind !== 'websocket') for (const tape of this.outcomes) tape.heed(context)
    applyFrame(this, context)
    if (frame.kind === 'websocket') for (const tape of this.outcomes) tape.heed(context)
    this.receivedTimeMs = Math.max(this.receivedTimeMs, frame.receivedTimeMs)
    tellFrame(this, context)
  }
}
