import type { Pool, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Stats } from '../lib/stats.ts'
import type { Config } from '../config.ts'
import type { Batch, DeadLetter } from '../normalizer/batch.ts'
import { countLater } from './books.ts'
import { withClient } from './checkout.ts'
import { FenceLost, hasMoved, moveOffsets, type Owner } from './fence.ts'
import { writeIsolated } from './isolate.ts'
import { isDataError } from './isolation.ts'
import { lockMarkets } from './market-changes.ts'
import { createTracking } from './positions.ts'
import { createRecordedDays, type RecordedDays, type SealedDays } from './recorded-days.ts'
import { REFUSED_ROW } from './refused.ts'
import { countLetters, countRows } from './commit-figures.ts'
import { isRetryable } from './retryable.ts'
import { BEGIN, writeBatch } from './write-batch.ts'

const DAY_MS = 86_400_000

export type CommitDeps = {
  pool: Pool
  owner: Owner
  stats: Stats
  log: Logger
  config: Pick<Config, 'TRACKED_WALLETS'>
}

const REFUSED = 'Postgres refused rows of a batch; they go to the dead letters, the rest is committed'

const transact = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  withClient(pool, async (client) => {
    try {
      return await work(client)
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

/**
 * Changes of markets and activities of wallets may be liquidity events of the day on which they were received; the metrics
 * of the last seconds of a month are of the next one.
 */
const daysOf = ({ days, marketChanges, activities, metrics }: Batch): Set<number> => {
  const times = [
    ...marketChanges.map((change) => change.receivedTimeMs),
    ...activities.map((row) => row.capturedTimeMs),
    ...[...metrics.values()].map((sample) => sample.measuredTimeMs),
  ]
  return new Set([...days, ...times.map((timeMs) => Math.floor(timeMs / DAY_MS))])
}

/** Each once: the share that is dropped sums both. */
const countRefused = (stats: Stats, added: DeadLetter[]): void => {
  const refusedCount = added.filter(({ reason }) => reason === REFUSED_ROW).length
  stats.count('rowsRefused', refusedCount)
  stats.count('deadLetters', added.length - refusedCount)
}

/** As they stand now: another commit may forget them meanwhile. */
const sealedFor = async (days: RecordedDays, batch: Batch): Promise<SealedDays> => {
  await days.ensure(daysOf(batch))
  return new Set(days.sealed)
}

/** One try of a batch. What became of batches whose rows were not all taken is kept, for a COMMIT that was interrupted. */
const createAttempt = ({ pool, owner, stats, log, config }: CommitDeps) => {
  const isTracked = createTracking(config.TRACKED_WALLETS)
  const days = createRecordedDays(pool)
  const isolated = new WeakMap<Batch, Batch>()

  /** Rows that Postgres refuses go to the dead letters, the rest is committed: see `writeIsolated`. */
  const commitIsolated = async (batch: Batch, refusal: unknown): Promise<SealedDays> => {
    days.forget()
    const sealed = await sealedFor(days, batch)
    await transact(pool, async (client) => {
      await client.query(BEGIN.join(';'))
      await moveOffsets(client, owner, [...batch.offsets.values()])
      // Rows of a shard that another copy owns are refused as doubles before it is seen whose they are.
      log.error({ error: refusal }, REFUSED)
      await lockMarkets(client, batch.marketChanges)
      isolated.set(batch, await writeIsolated(client, batch, { isTracked, sealed }))
      await client.query('commit')
    })
    const letterCount = batch.deadLetters.length
    Object.assign(batch, isolated.get(batch))
    countRefused(stats, batch.deadLetters.slice(letterCount))
    return sealed
  }

  return {
    /** True where an earlier try had succeeded, though its answer did not come. */
    isDone: async (batch: Batch): Promise<boolean> => {
      if (!(await hasMoved(pool, owner, [...batch.offsets.values()]))) return false
      stats.count('commitsFoundDone')
      Object.assign(batch, isolated.get(batch))
      countRows(stats, batch)
      return true
    },

    commit: async (batch: Batch): Promise<void> => {
      let sealed = await sealedFor(days, batch)
      const writing = { owner, isTracked, sealed }
      try {
        const letters = await transact(pool, (client) => writeBatch(client, writing, batch))
        stats.count('deadLetters', letters.length)
        countLetters(stats, letters)
      } catch (error) {
        if (!isDataError(error)) throw error
        sealed = await commitIsolated(batch, error)
      }
      stats.count('rowsLater', countLater(batch.bookLines, sealed))
    },
  }
}

/**
 * Writes batches, each in one fenced transaction: rows, quotes, fills, gaps, dead letters, checkpoints and offsets
 * together or not at all. An unreachable database is retried until the signal aborts; rows that it refuses are taken
 * out of the batch.
 */
export const createCommitter = (deps: CommitDeps) => {
  const { stats, log } = deps
  const attempt = createAttempt(deps)

  /** @throws FenceLost when another copy owns the shard; any error that is not a matter of reachability. */
  return async (batch: Batch, signal: AbortSignal): Promise<void> => {
    for (let count = 0; ; count++) {
      try {
        if (count > 0 && (await attempt.isDone(batch))) return
        await attempt.commit(batch)
        countRows(stats, batch)
        stats.count('commits')
        return
      } catch (error) {
        // The interrupted COMMIT may end only after it was looked for: then its own offsets are the other writer's.
        if (error instanceof FenceLost && count > 0 && (await attempt.isDone(batch))) return
        if (error instanceof FenceLost || !isRetryable(error)) throw error
        stats.count('commitRetries')
        if (count === 0) log.warn({ error }, 'a commit failed and is retried until Postgres answers')
        await waitBeforeRetry(count, signal)
      }
    }
  }
}
