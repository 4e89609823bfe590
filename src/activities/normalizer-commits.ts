import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { isEmpty, newBatch, type Batch } from '../normalizer/batch.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import { sealMarket, sealShared } from '../normalizer/seal.ts'
import type { Tape } from './normalizer-tapes.ts'

/** A crossing costs Postgres about as much as so many rows of a book. */
const ROWS_AN_ALERT = 5
/** Rows of `derived_metrics` that one instant of a market has, about. */
const ROWS_A_SAMPLE = 80

export type CommitsDeps = {
  config: Config
  write: (batch: Batch, signal: AbortSignal) => Promise<void>
  onCommitted: (batch: Batch, sealedTimeMs: number) => void
  signal: AbortSignal
}

/**
 * The batch that is being filled, and the one that is being committed: at most one each. The next batch fills while
 * the last one commits; a full one makes the caller wait.
 */
export class Commits {
  readonly #deps: CommitsDeps
  #batch = newBatch()
  #touched = new Set<Tape>()
  #committing: ReadonlySet<Tape> = new Set()
  #running: Promise<void> | undefined
  #failure: unknown
  #waitingSinceMs: number | undefined

  constructor(deps: CommitsDeps) {
    this.#deps = deps
  }

  get batch(): Batch {
    return this.#batch
  }

  /** Since when something waits to be committed that is older than the last commit; undefined where nothing does. */
  get waitingSinceMs(): number | undefined {
    return this.#waitingSinceMs
  }

  /**
   * Tells which tapes the current batch has rows of, and starts a commit. To be called in the same turn as the rows
   * were added: a batch is sealed between turns, and rows must never be committed without their offset.
   */
  mark(tapes: Iterable<Tape>): void {
    for (const tape of tapes) this.#touched.add(tape)
    this.#start()
  }

  /** Whether something of it is yet to be committed. */
  holds(tape: Tape): boolean {
    return this.#touched.has(tape) || this.#committing.has(tape)
  }

  /** The batch is full, and waits for the one that is being committed. */
  get isHeld(): boolean {
    return this.#isFull() && this.#running !== undefined && this.#failure === undefined
  }

  /** Waits where the batch is full; throws what ended the commits. */
  async admit(): Promise<void> {
    while (this.isHeld) await this.#running
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Commits what is left; for the end of a shard's life. */
  async settle(): Promise<void> {
    this.#start()
    await this.#running
    if (this.#failure !== undefined) throw this.#failure
  }

  #isFull(): boolean {
    const { COMMIT_MAX_ROWS, COMMIT_MAX_BYTES } = this.#deps.config
    const { bookLines, metrics, alertEvents, bookBytes, frameBytes } = this.#batch
    const rowCount = bookLines.length + metrics.size * ROWS_A_SAMPLE + alertEvents.length * ROWS_AN_ALERT
    return rowCount >= COMMIT_MAX_ROWS || bookBytes + frameBytes >= COMMIT_MAX_BYTES
  }

  #start(): void {
    if (this.#touched.size === 0) return
    this.#waitingSinceMs ??= Date.now()
    this.#running ??= this.#commitAll()
      .catch((error: unknown) => {
        this.#failure = error
      })
      .finally(() => {
        this.#running = undefined
      })
  }

  async #commitAll(): Promise<void> {
    const { config, signal, write, onCommitted } = this.#deps
    while (this.#touched.size > 0) {
      if (!this.#isFull()) await sleep(config.COMMIT_LINGER_MS, undefined, { signal }).catch(() => undefined)
      const sealed = this.#seal()
      const sealedTimeMs = Date.now()
      if (!isEmpty(sealed)) {
        await write(sealed, signal)
        onCommitted(sealed, sealedTimeMs)
      }
      this.#committing = new Set()
      this.#waitingSinceMs = this.#touched.size === 0 ? undefined : sealedTimeMs
    }
  }

  #seal(): Batch {
    const sealed = this.#batch
    const options = { everyChanges: this.#deps.config.CHECKPOINT_EVERY_CHANGES, nowMs: Date.now() }
    for (const tape of this.#touched) {
      if (tape instanceof MarketTape) sealMarket(tape, sealed, options)
      else sealShared(tape, sealed)
    }
    this.#batch = newBatch()
    this.#committing = this.#touched
    this.#touched = new Set()
    return sealed
  }
}
