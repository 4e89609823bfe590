import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { marketOfStream, MARKETS_STREAM, TRADES_STREAM, UNROUTABLE_STREAM } from '../domain/keys.ts'
import type { Stats } from '../lib/stats.ts'
import { shardOfStream } from '../stream/append.ts'
import { compareIds, STREAMS_PER_READ, type Reader } from '../stream/read.ts'
import { createApplying, type Applying } from './normalizer-applying.ts'
import type { Closing } from './normalizer-closing.ts'
import type { Lanes } from './normalizer-lanes.ts'
import type { Derivation } from './normalizer-listeners.ts'
import { ownFrame } from './normalizer-open.ts'
import { createReady, readableOf } from './normalizer-ready.ts'
import { createStrays, type Strays } from './normalizer-strays.ts'
import { marketsAmong, type Tape, type Tapes } from './normalizer-tapes.ts'
import type { Showing } from './normalizer-showing.ts'
import type { Views } from './normalizer-views.ts'

/** Streams that are read though no market is known by their name; shard 0 reads them. */
const SHARED_STREAMS = [MARKETS_STREAM, TRADES_STREAM, UNROUTABLE_STREAM]
/** Entries read of one stream at a time, so that a backlog is applied in bounded batches. */
const ENTRIES_PER_READ = 100
const PARKED_PAUSE_MS = 20
/** A parked stream's market is looked for again this often: a few queries each time. */
const PARKED_RETRY_MS = 100
const CLOSE_EVERY_MS = 1_000
/** What is due by time of many markets comes a few at a time: at 250 ms a commit of 20 had 400 rows more than the others. */
const TICK_EVERY_MS = 50

export type ShardParts = {
  shard: number
  config: Config
  stats: Stats
  reader: Reader
  tapes: Tapes
  lanes: Lanes
  views: Views
  closing: Closing
  listening: Derivation
  showing: Showing
}

/** One shard's pipeline: read what is ready, apply it, show it in the hot cache, hand it to the commit. */
export class Shard {
  readonly #parts: ShardParts
  /** Streams that have, or may have, entries that are not applied. */
  readonly #due = new Set<string>()
  #parkedTriedTimeMs = 0
  #closedTimeMs = 0
  #tickedTimeMs = 0
  /** Streams of other shards that were noted as ready here. */
  readonly #strays: Strays
  readonly #ready: ReturnType<typeof createReady>
  readonly #apply: Applying

  constructor(parts: ShardParts) {
    this.#parts = parts
    this.#strays = createStrays(parts)
    this.#ready = createReady(parts.reader)
    this.#apply = createApplying(parts)
  }

  /** Opens every stream that is not closed or has entries, and shows all books: a new owner rewrites the cache whole. */
  async start(openStreams: string[]): Promise<void> {
    const { tapes, lanes, views } = this.#parts
    const streams = [...openStreams, ...(await this.#findWaking()), ...SHARED_STREAMS]
    const ours = streams.filter((stream) => this.#isOurs(stream))
    this.#adopt(await tapes.openAll(ours))
    await views.show(tapes.markets())
    await lanes.admit()
    for (const stream of ours) this.#due.add(stream)
  }

  /** Streams of it that were noted as ready and are not read, or not to their ends. */
  get unread(): ReadonlySet<string> {
    return new Set([...this.#due, ...this.#ready.named])
  }

  /** Waits for news of the shard, at most half a second, and carries them through. */
  async step(): Promise<void> {
    const { tapes, lanes, showing } = this.#parts
    if (showing.failure !== undefined) throw showing.failure
    await lanes.admit()
    this.#close()
    const isIdle = this.#isIdle()
    if (isIdle) tapes.judge.lagMs = 0
    await this.#hear(isIdle)
    // Names that were asked for ahead are older than what is read now, and markets are to be known before their trades.
    if (this.#due.has(TRADES_STREAM)) await this.#hear(false)
    await this.#strays.passOn()
    if (this.#due.size > 0) {
      await this.#openDue()
      await this.#readDue()
    }
    this.#tick()
  }

  async #hear(isIdle: boolean): Promise<void> {
    for (const stream of await this.#ready.take(isIdle)) (this.#isOurs(stream) ? this.#due : this.#strays).add(stream)
  }

  #isIdle(): boolean {
    return [...this.#due].every((stream) => this.#parts.tapes.parked.has(stream))
  }

  /**
   * After a Redis that was away, and from time to time: every open stream is looked at, and one whose tail lies behind
   * our position (Redis lost entries, or its clock went back) is read on from its tail; ordinals tell what is new.
   */
  async sweep(isRedisNew: boolean): Promise<void> {
    const { tapes, reader, views } = this.#parts
    const { lostCount } = this.#ready
    const streams = tapes.streams()
    const positions = new Map(streams.map((stream) => [stream, tapes.get(stream)?.lastId]))
    const tails = await reader.tails(streams)
    for (const stream of streams) this.#rewind(stream, tails.get(stream), positions.get(stream))
    for (const stream of tapes.streams()) this.#due.add(stream)
    this.#ready.foundAll(lostCount)
    if (!isRedisNew) return
    await views.showAnew(tapes.markets())
  }

  /** Redis was connected anew: names of streams with news may be lost, until a sweep. */
  loseNames(): void {
    this.#ready.lose()
  }

  /** After a sweep: streams that are not open though there is something in them. Needs Postgres, as a sweep does not. */
  async wake(): Promise<void> {
    for (const stream of await this.#findWaking()) this.#due.add(stream)
  }

  async #findWaking(): Promise<string[]> {
    const { tapes, reader } = this.#parts
    const scanned = await reader.scan('orderbook:*')
    return tapes.waking(scanned.filter((stream) => this.#isOurs(stream)))
  }

  #isOurs(stream: string): boolean {
    const { shard, config } = this.#parts
    const isKnown = marketOfStream(stream) !== undefined || SHARED_STREAMS.includes(stream)
    return isKnown && shardOfStream(stream, config.NORMALIZER_SHARDS) === shard
  }

  /** In one turn: gaps of books that could not be rebuilt, and the offsets that go with them. */
  #adopt(opened: Tape[]): void {
    const { lanes } = this.#parts
    const context = { frame: ownFrame(), batch: lanes.books.batch }
    for (const tape of marketsAmong(opened)) tape.tellLostBooks(context)
    lanes.mark(opened)
  }

  /** Between reads, so that no entries come back for a tape that is gone. */
  #close(): void {
    const nowMs = Date.now()
    if (nowMs - this.#closedTimeMs < CLOSE_EVERY_MS) return
    this.#closedTimeMs = nowMs
    this.#parts.closing(nowMs, (stream) => this.#due.has(stream))
  }

  /** At the end of a step that read what it found: what was appended before the streams were asked for is applied. */
  #tick(): void {
    const nowMs = Date.now()
    if (nowMs - this.#tickedTimeMs < TICK_EVERY_MS) return
    this.#tickedTimeMs = nowMs
    const { lanes, listening } = this.#parts
    const appliedUntilMs = this.#isIdle() ? this.#ready.wholeUntilMs : undefined
    const time = { nowMs: appliedUntilMs ?? nowMs, isBehind: appliedUntilMs === undefined }
    lanes.books.mark(listening.tick({ ...time, batch: lanes.books.batch }))
  }

  async #openDue(): Promise<void> {
    const { tapes, views } = this.#parts
    const nowMs = Date.now()
    const areParkedDue = nowMs - this.#parkedTriedTimeMs >= PARKED_RETRY_MS
    const closed = [...this.#due].filter(
      (stream) => tapes.get(stream) === undefined && (areParkedDue || !tapes.parked.has(stream)),
    )
    if (closed.length === 0) return
    if (areParkedDue) this.#parkedTriedTimeMs = nowMs
    const opened = await tapes.openAll(closed)
    this.#adopt(opened)
    await views.show(marketsAmong(opened))
  }

  async #readDue(): Promise<void> {
    const { tapes, reader, lanes } = this.#parts
    const positions = readableOf(this.#due, lanes.shared.isHeld).flatMap((stream): [string, string][] => {
      const tape = tapes.get(stream)
      return tape === undefined ? [] : [[stream, tape.lastId]]
    })
    if (positions.length === 0) {
      await sleep(PARKED_PAUSE_MS)
      return
    }
    const reads = await reader.read(positions, ENTRIES_PER_READ)
    for (const [stream] of positions.slice(0, STREAMS_PER_READ)) this.#due.delete(stream)
    for (const { stream, isMore } of reads) if (isMore && tapes.get(stream) !== undefined) this.#due.add(stream)
    this.#ready.askAhead()
    await this.#apply(reads)
    await this.#parts.lanes.admit()
  }

  /** A tape that moved on while its tail was asked for is where the stream is. */
  #rewind(stream: string, tailId: string | undefined, positionId: string | undefined): void {
    const tape = this.#parts.tapes.get(stream)
    if (tape === undefined || tailId === undefined || tape.lastId !== positionId) return
    if (compareIds(tailId, tape.lastId) >= 0) return
    this.#parts.stats.count('tailsBehind')
    tape.lastId = tailId
  }
}
