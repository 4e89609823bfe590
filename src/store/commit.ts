import type { Pool, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { waitBeforeRetry } from '../lib/retry.ts'
import type { Stats } from '../lib/stats.ts'
import type { Config } from '../config.ts'
import type { Batch, DeadLetter } from '../normalizer/batch.ts'
import { placeActivities } from './activity-places.ts'
import { fireOfMarkets } from './alert-market-rules.ts'
import { writeAlertEvents, writeAlertStates } from './alerts.ts'
import { bookCopies, countLater } from './books.ts'
import { withClient } from './checkout.ts'
import { writeCheckpoints } from './checkpoints.ts'
import { writeDeadLetters, writeReprocessed } from './dead-letters.ts'
import { writeDepths } from './depths.ts'
import { expectMoved, FenceLost, hasMoved, moveOffsets, scriptOffsets, type Owner } from './fence.ts'
import { writeGaps } from './gaps.ts'
import { writeIsolated } from './isolate.ts'
import { isDataError } from './isolation.ts'
import { levelCopy, writeHappenings } from './liquidity.ts'
import { lockMarkets, writeMarketChanges } from './market-changes.ts'
import { writeMarkets } from './markets.ts'
import { metricCopy, scriptRemoval, writeMetricBuckets } from './metrics.ts'
import { createTracking, toMoves, writeMoves, type IsTracked } from './positions.ts'
import { writeHours, writeProofs } from './proofs.ts'
import { writeQuotes } from './quotes.ts'
import { createRecordedDays, type SealedDays } from './recorded-days.ts'
import { writeResolved } from './resolutions.ts'
import { REFUSED_ROW } from './refused.ts'
import { countLetters, countRows } from './commit-figures.ts'
import { isRetryable } from './retryable.ts'
import { createScript } from './script.ts'
import { settlePositions } from './settlements.ts'
import { scriptTrades, type WrittenTrades } from './trades.ts'
import { insertActivities } from './wallet-activities.ts'

const DAY_MS = 86_400_000

/**
 * What a commit looks up it looks up by keys. Postgres cannot know how few rows a JSON parameter has, takes a hundred for
 * granted, and so read whole tables as long as that cost less than a hundred look-ups: some ms each, by each commit.
 */
const BEGIN = ['begin', 'set local enable_seqscan to off', 'set local jit to off']

export type CommitDeps = {
  pool: Pool
  owner: Owner
  stats: Stats
  log: Logger
  config: Pick<Config, 'TRACKED_WALLETS'>
}

const REFUSED = 'Postgres refused rows of a batch; they go to the dead letters, the rest is committed'

type Writing = { owner: Owner; isTracked: IsTracked; sealed: SealedDays }

/** Markets of which this batch says that they are resolved. */
const resolvedIn = ({ resolvedMarkets, markets }: Batch): string[] => [
  ...resolvedMarkets.keys(),
  ...[...markets.values()].filter(({ status }) => status === 'resolved').map(({ marketId }) => marketId),
]

/** Fills are of markets that stand in Postgres already, and of positions whose payouts are settled before they grow. */
const bringsMarkets = ({ markets, resolvedMarkets, marketChanges }: Batch): boolean =>
  markets.size + resolvedMarkets.size + marketChanges.length > 0

/**
 * All that a busy market's commit brings but for a few statements, as one message: an answer takes a turn of the event loop.
 *
 * @returns what became of fills, where they could be among it.
 */
const openCommit = async (
  client: PoolClient,
  { owner, sealed }: Pick<Writing, 'owner' | 'sealed'>,
  batch: Batch,
): Promise<WrittenTrades | undefined> => {
  const offsets = [...batch.offsets.values()]
  const samples = [...batch.metrics.values()]
  const opening = createScript()
  for (const statement of BEGIN) await opening.query(statement, [])
  const told = scriptOffsets(opening, owner, offsets)
  await scriptRemoval(opening, samples)
  const written = bringsMarkets(batch) ? undefined : scriptTrades(opening, batch)
  await opening.send(client, [...bookCopies(batch.bookLines, sealed), levelCopy(batch.liquidity), metricCopy(samples)])
  await expectMoved(client, { owner, offsets, moved: told.moved })
  return written?.()
}

const writeMarketsOf = async (client: PoolClient, batch: Batch): Promise<WrittenTrades> => {
  await lockMarkets(client, batch.marketChanges)
  await writeMarkets(client, [...batch.markets.values()])
  await writeResolved(client, [...batch.resolvedMarkets.values()])
  await settlePositions(client, [...batch.markets.values()], [...batch.resolvedMarkets.values()])
  await fireOfMarkets(client, resolvedIn(batch))
  await writeMarketChanges(client, batch.marketChanges)
  const script = createScript()
  const written = scriptTrades(script, batch)
  await script.send(client)
  return written()
}

/**
 * In one transaction; what was written before an error is rolled back by the caller.
 *
 * @returns the dead letters on top of the batch's own: trades whose token is unknown, activities whose market is.
 */
const writeAll = async (
  client: PoolClient,
  { owner, isTracked, sealed }: Writing,
  batch: Batch,
): Promise<DeadLetter[]> => {
  const early = await openCommit(client, { owner, sealed }, batch)
  const { placed, attributed, news } = early ?? (await writeMarketsOf(client, batch))
  batch.news = news
  const done = await placeActivities(client, batch.activities)
  await writeDeadLetters(client, [...batch.deadLetters, ...placed.deadLetters, ...done.deadLetters])
  const moves = await insertActivities(client, done.activities)
  const rest = createScript()
  await writeMoves({ client, isTracked, target: rest }, [...toMoves(attributed), ...moves])
  await writeQuotes(rest, [...batch.quotes.values()])
  await writeGaps(rest, batch.gapsOpened, batch.gapsClosed)
  await writeCheckpoints(rest, batch.checkpoints)
  await writeProofs(rest, batch.proofs)
  await writeDepths(rest, batch.depths)
  await writeHours(rest, batch.hours)
  await writeMetricBuckets(rest, [...batch.metricBuckets.values()])
  await writeHappenings(rest, batch.liquidity)
  await writeReprocessed(rest, [...batch.reprocessed, ...placed.reprocessed, ...done.reprocessed])
  await writeAlertStates(rest, [...batch.alertStates.values()])
  await writeAlertEvents(rest, batch.alertEvents)
  await rest.query('commit', [])
  await rest.send(client)
  return [...placed.deadLetters, ...done.deadLetters]
}

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

/** One try of a batch. What became of batches whose rows were not all taken is kept, for a COMMIT that was interrupted. */
const createAttempt = ({ pool, owner, stats, log, config }: CommitDeps) => {
  const isTracked = createTracking(config.TRACKED_WALLETS)
  const days = createRecordedDays(pool)
  const isolated = new WeakMap<Batch, Batch>()

  /** Rows that Postgres refuses go to the dead letters, the rest is committed: see `writeIsolated`. */
  const commitIsolated = async (batch: Batch, refusal: unknown): Promise<void> => {
    days.forget()
    await days.ensure(daysOf(batch))
    await transact(pool, async (client) => {
      await client.query(BEGIN.join(';'))
      await moveOffsets(client, owner, [...batch.offsets.values()])
      // Rows of a shard that another copy owns are refused as doubles before it is seen whose they are.
      log.error({ error: refusal }, REFUSED)
      await lockMarkets(client, batch.marketChanges)
      isolated.set(batch, await writeIsolated(client, batch, { isTracked, sealed: days.sealed }))
      await client.query('commit')
    })
    const letterCount = batch.deadLetters.length
    Object.assign(batch, isolated.get(batch))
    countRefused(stats, batch.deadLetters.slice(letterCount))
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
      await days.ensure(daysOf(batch))
      const writing = { owner, isTracked, sealed: days.sealed }
      try {
        const letters = await transact(pool, (client) => writeAll(client, writing, batch))
        stats.count('deadLetters', letters.length)
        countLetters(stats, letters)
      } catch (error) {
        if (!isDataError(error)) throw error
        await commitIsolated(batch, error)
      }
      stats.count('rowsLater', countLater(batch.bookLines, days.sealed))
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
