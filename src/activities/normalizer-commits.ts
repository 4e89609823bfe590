import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { isEmpty, newBatch, type Batch } from '../normalizer/batch.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import { sealMarket, sealShared } from '../normalizer/seal.ts'
import type { Tape } from './normalizer-tapes.ts'

export type CommitsDeps = {
  config: Config
  write: (batch: Batch, signal: AbortSignal) => Promise<void>
  onCommitted: (batch: Batch) => void
  signal: AbortSignal
}

/**
 * The batch that is being filled, and the one that is being committed: at most one each. The next batch fills while
 * the last one commits; a full one makes the caller wait.
 */
export const createCommits = ({ config, write, onCommitted, signal }: CommitsDeps) => {
  let batch = newBatch()
  let touched = new Set<Tape>()
  let running: Promise<void> | undefined
  let failure: unknown

  const seal = (): Batch => {
    const sealed = batch
    const options = { everyChanges: config.CHECKPOINT_EVERY_CHANGES, nowMs: Date.now() }
    for (const tape of touched) {
      if (tape instanceof MarketTape) sealMarket(tape, sealed, options)
      else sealShared(tape, sealed)
    }
    batch = newBatch()
    touched = new Set()
    return sealed
  }

  const isFull = (): boolean =>
    batch.bookLines.length >= config.COMMIT_MAX_ROWS || batch.bookBytes >= config.COMMIT_MAX_BYTES

  const runAll = async (): Promise<void> => {
    while (touched.size > 0 && failure === undefined) {
      if (!isFull()) await sleep(config.COMMIT_LINGER_MS, undefined, { signal }).catch(() => undefined)
      const sealed = seal()
      if (!isEmpty(sealed)) {
        await write(sealed, signal)
        onCommitted(sealed)
      }
    }
  }

  const start = (): void => {
    running ??= runAll()
      .catch((error: unknown) => {
        failure = error
      })
      .finally(() => {
        running = undefined
      })
  }

  return {
    current: (): Batch => batch,

    /** Tells which tapes the current batch has rows of; starts a commit, and waits for it where the batch is full. */
    touch: async (tapes: Iterable<Tape>): Promise<void> => {
      for (const tape of tapes) touched.add(tape)
      if (touched.size > 0) start()
      while (isFull() && running !== undefined && failure === undefined) await running
      if (failure !== undefined) throw failure
    },

    /** Commits what is left; for the end of a shard's life. */
    settle: async (): Promise<void> => {
      start()
      await running
      if (failure !== undefined) throw failure
    },
  }
}

export type Commits = ReturnType<typeof createCommits>
