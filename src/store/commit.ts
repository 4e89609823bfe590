import type { Pool, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch } from '../normalizer/batch.ts'
import { copyBookRows } from './books.ts'
import { withClient } from './checkout.ts'
import { writeCheckpoints } from './checkpoints.ts'
import { writeDeadLetters } from './dead-letters.ts'
import { FenceLost, hasMoved, moveOffsets, type Owner } from './fence.ts'
import { writeFills } from './fills.ts'
import { writeGaps } from './gaps.ts'
import { writeMarkets, writeResolved } from './markets.ts'
import { ensurePartition } from './partitions.ts'
import { writeHours, writeProofs } from './proofs.ts'
import { writeQuotes } from './quotes.ts'
import { isRetryable } from './retryable.ts'
import { createScript } from './script.ts'

export type CommitDeps = { pool: Pool; owner: Owner; stats: Stats; log: Logger }

/** In one transaction; what was written before an error is rolled back by the caller. */
const writeAll = async (client: PoolClient, owner: Owner, batch: Batch): Promise<void> => {
  await client.query('begin')
  await moveOffsets(client, owner, [...batch.offsets.values()])
  await writeMarkets(client, [...batch.markets.values()])
  await writeResolved(client, batch.resolvedMarkets)
  await copyBookRows(client, batch.bookLines)
  await writeDeadLetters(client, batch.deadLetters)
  const rest = createScript()
  await writeQuotes(rest, [...batch.quotes.values()])
  await writeFills(rest, batch.fills)
  await writeGaps(rest, batch.gapsOpened, batch.gapsClosed)
  await writeCheckpoints(rest, batch.checkpoints)
  await writeProofs(rest, batch.proofs)
  await writeHours(rest, batch.hours)
  await rest.query('commit', [])
  await rest.send(client)
}

const transact = (pool: Pool, owner: Owner, batch: Batch): Promise<void> =>
  withClient(pool, async (client) => {
    try {
      await writeAll(client, owner, batch)
    } catch (error) {
      await client.query('rollback').catch(() => undefined)
      throw error
    }
  })

/**
 * Writes batches, each in one fenced transaction: rows, quotes, fills, gaps, dead letters, checkpoints and offsets
 * together or not at all. An unreachable database is retried until the signal aborts.
 */
export const createCommitter = ({ pool, owner, stats, log }: CommitDeps) => {
  const partitions = new Set<number>()

  const ensureDays = async (batch: Batch): Promise<void> => {
    for (const day of batch.days) {
      if (partitions.has(day)) continue
      await ensurePartition(pool, day)
      partitions.add(day)
    }
  }

  const attemptOnce = async (batch: Batch, attempt: number): Promise<void> => {
    if (attempt > 0 && (await hasMoved(pool, owner, [...batch.offsets.values()]))) {
      stats.count('commitsFoundDone')
      return
    }
    await ensureDays(batch)
    await transact(pool, owner, batch)
  }

  /** @throws FenceLost when another copy owns the shard; any error that is not a matter of reachability. */
  return async (batch: Batch, signal: AbortSignal): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      try {
        await attemptOnce(batch, attempt)
        stats.count('rows', batch.bookLines.length)
        stats.count('commits')
        return
      } catch (error) {
        // The interrupted COMMIT may end only after it was looked for: then its own offsets are the other writer's.
        if (error instanceof FenceLost && attempt > 0 && (await hasMoved(pool, owner, [...batch.offsets.values()]))) {
          stats.count('commitsFoundDone')
          return
        }
        if (error instanceof FenceLost || !isRetryable(error)) throw error
        stats.count('commitRetries')
        if (attempt === 0) log.warn({ error }, 'a commit failed and is retried until Postgres answers')
        await waitBeforeRetry(attempt, signal)
      }
    }
  }
}
