import type { Pool, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch } from '../normalizer/batch.ts'
import { copyBookRows } from './books.ts'
import { withClient } from './checkout.ts'
import { writeCheckpoints } from './checkpoints.ts'
import { writeDeadLetters, writeReprocessed } from './dead-letters.ts'
import { writeDepths } from './depths.ts'
import { FenceLost, hasMoved, moveOffsets, type Owner } from './fence.ts'
import { writeFills } from './fills.ts'
import { writeGaps } from './gaps.ts'
import { writeIsolated } from './isolate.ts'
import { isDataError } from './isolation.ts'
import { lockMarkets, writeMarketChanges } from './market-changes.ts'
import { writeMarkets } from './markets.ts'
import { writeMetricBuckets, writeMetrics } from './metrics.ts'
import { ensurePartition } from './partitions.ts'
import { writeHours, writeProofs } from './proofs.ts'
import { writeQuotes } from './quotes.ts'
import { writeResolved } from './resolutions.ts'
import { isRetryable } from './retryable.ts'
import { createScript } from './script.ts'

export type CommitDeps = { pool: Pool; owner: Owner; stats: Stats; log: Logger }

/** In one transaction; what was written before an error is rolled back by the caller. */
const writeAll = async (client: PoolClient, owner: Owner, batch: Batch): Promise<void> => {
  await client.query('begin')
  await moveOffsets(client, owner, [...batch.offsets.values()])
  await lockMarkets(client, batch.marketChanges)
  await writeMarkets(client, [...batch.markets.values()])
  await writeResolved(client, [...batch.resolvedMarkets.values()])
  await writeMarketChanges(client, batch.marketChanges)
  await copyBookRows(client, batch.bookLines)
  await writeMetrics(client, [...batch.metrics.values()])
  await writeDeadLetters(client, batch.deadLetters)
  const rest = createScript()
  await writeQuotes(rest, [...batch.quotes.values()])
  await writeFills(rest, batch.fills)
  await writeGaps(rest, batch.gapsOpened, batch.gapsClosed)
  await writeCheckpoints(rest, batch.checkpoints)
  await writeProofs(rest, batch.proofs)
  await writeDepths(rest, batch.depths)
  await writeHours(rest, batch.hours)
  await writeMetricBuckets(rest, [...batch.metricBuckets.values()])
  await writeReprocessed(rest, batch.reprocessed)
  await rest.query('commit', [])
  await rest.send(client)
}

const transact = (pool: Pool, work: (client: PoolClient) => Promise<void>): Promise<void> =>
  withClient(pool, async (client) => {
    try {
      await work(client)
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

/** One try of a batch. What became of batches whose rows were not all taken is kept, for a COMMIT that was interrupted. */
const createAttempt = ({ pool, owner, stats, log }: CommitDeps) => {
  const partitions = new Set<number>()
  const isolated = new WeakMap<Batch, Batch>()

  const ensureDays = async (batch: Batch): Promise<void> => {
    for (const day of batch.days) {
      if (partitions.has(day)) continue
      await ensurePartition(pool, day)
      partitions.add(day)
    }
  }

  /** Rows that Postgres refuses go to the dead letters, the rest is committed: see `writeIsolated`. */
  const commitIsolated = async (batch: Batch): Promise<void> => {
    partitions.clear()
    await ensureDays(batch)
    await transact(pool, async (client) => {
      await client.query('begin')
      await moveOffsets(client, owner, [...batch.offsets.values()])
      await lockMarkets(client, batch.marketChanges)
      isolated.set(batch, await writeIsolated(client, batch))
      await client.query('commit')
    })
    const letterCount = batch.deadLetters.length
    Object.assign(batch, isolated.get(batch))
    stats.count('rowsRefused', batch.deadLetters.length - letterCount)
    stats.count('deadLetters', batch.deadLetters.length - letterCount)
  }

  return {
    /** True where an earlier try had succeeded, though its answer did not come. */
    isDone: async (batch: Batch): Promise<boolean> => {
      if (!(await hasMoved(pool, owner, [...batch.offsets.values()]))) return false
      stats.count('commitsFoundDone')
      Object.assign(batch, isolated.get(batch))
      return true
    },

    commit: async (batch: Batch): Promise<void> => {
      await ensureDays(batch)
      try {
        await transact(pool, (client) => writeAll(client, owner, batch))
      } catch (error) {
        if (!isDataError(error)) throw error
        log.error({ error }, 'Postgres refused rows of a batch; they go to the dead letters, the rest is committed')
        await commitIsolated(batch)
      }
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
        stats.count('rows', batch.bookLines.length)
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
