import type { PoolClient } from 'pg'
import type { Batch, DeadLetter } from '../normalizer/batch.ts'
import { placeActivities } from './activity-places.ts'
import { fireOfMarkets } from './alert-market-rules.ts'
import { writeAlertEvents, writeAlertStates } from './alerts.ts'
import { bookCopies } from './books.ts'
import { writeCheckpoints } from './checkpoints.ts'
import { writeDeadLetters, writeReprocessed } from './dead-letters.ts'
import { writeDepths } from './depths.ts'
import { scriptOffsets, type Owner } from './fence.ts'
import { writeGaps } from './gaps.ts'
import { levelCopy, writeHappenings } from './liquidity.ts'
import { lockMarkets, writeMarketChanges } from './market-changes.ts'
import { writeMarkets } from './markets.ts'
import { metricCopy, scriptRemoval, writeMetricBuckets } from './metrics.ts'
import { toMoves, writeMoves, type IsTracked } from './positions.ts'
import { writeHours, writeProofs } from './proofs.ts'
import { writeQuotes } from './quotes.ts'
import type { SealedDays } from './recorded-days.ts'
import { writeResolved } from './resolutions.ts'
import { createScript, type Script } from './script.ts'
import { settlePositions } from './settlements.ts'
import { scriptTrades, type WrittenTrades } from './trades.ts'
import { insertActivities } from './wallet-activities.ts'

/**
 * What a commit looks up it looks up by keys. Postgres cannot know how few rows a JSON parameter has, takes a hundred for
 * granted, and so read whole tables as long as that cost less than a hundred look-ups: some ms each, by each commit.
 */
export const BEGIN = ['begin', 'set local enable_seqscan to off', 'set local jit to off']

export type Writing = { owner: Owner; isTracked: IsTracked; sealed: SealedDays }

/** Markets of which this batch says that they are resolved. */
const resolvedIn = ({ resolvedMarkets, markets }: Batch): string[] => [
  ...resolvedMarkets.keys(),
  ...[...markets.values()].filter(({ status }) => status === 'resolved').map(({ marketId }) => marketId),
]

/** Fills are of markets that stand in Postgres already, and of positions whose payouts are settled before they grow. */
const bringsMarkets = ({ markets, resolvedMarkets, marketChanges }: Batch): boolean =>
  markets.size + resolvedMarkets.size + marketChanges.length > 0

/** Whether Postgres is asked nothing before the COMMIT, as by most commits. */
const asksNothing = (batch: Batch): boolean => {
  const { fills, trades, activities, deadLetters } = batch
  return fills.length + trades.length + activities.length + deadLetters.length === 0 && !bringsMarkets(batch)
}

/** The fence, and all rows of which there are many. */
const scriptRows = async (script: Script, { owner, sealed }: Writing, batch: Batch): Promise<void> => {
  const samples = [...batch.metrics.values()]
  for (const statement of BEGIN) await script.query(statement, [])
  await scriptOffsets(script, owner, [...batch.offsets.values()])
  await scriptRemoval(script, samples)
  script.copy([...bookCopies(batch.bookLines, sealed), levelCopy(batch.liquidity), metricCopy(samples)])
}

const writeMarketsAndTrades = async (client: PoolClient, batch: Batch): Promise<WrittenTrades> => {
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

/** What needs no answer, and the COMMIT. */
const scriptRest = async (script: Script, batch: Batch, reprocessed: Batch['reprocessed']): Promise<void> => {
  await writeQuotes(script, [...batch.quotes.values()])
  await writeGaps(script, batch.gapsOpened, batch.gapsClosed)
  await writeCheckpoints(script, batch.checkpoints)
  await writeProofs(script, batch.proofs)
  await writeDepths(script, batch.depths)
  await writeHours(script, batch.hours)
  await writeMetricBuckets(script, [...batch.metricBuckets.values()])
  await writeHappenings(script, batch.liquidity)
  await writeReprocessed(script, reprocessed)
  await writeAlertStates(script, [...batch.alertStates.values()])
  await writeAlertEvents(script, batch.alertEvents)
  await script.query('commit', [])
}

/**
 * In one transaction; what was written before an error is rolled back by the caller. As few messages as can be, since each
 * answer takes a turn of a busy event loop: one for most commits, one more where Postgres is asked about fills.
 *
 * @returns the dead letters on top of the batch's own: trades whose token is unknown, activities whose market is.
 */
export const writeBatch = async (client: PoolClient, writing: Writing, batch: Batch): Promise<DeadLetter[]> => {
  const script = createScript()
  await scriptRows(script, writing, batch)
  if (asksNothing(batch)) {
    await scriptRest(script, batch, batch.reprocessed)
    await script.send(client)
    return []
  }
  const early = bringsMarkets(batch) ? undefined : scriptTrades(script, batch)
  await script.send(client)
  const { placed, attributed, news } = early?.() ?? (await writeMarketsAndTrades(client, batch))
  batch.news = news
  const done = await placeActivities(client, batch.activities)
  await writeDeadLetters(client, [...batch.deadLetters, ...placed.deadLetters, ...done.deadLetters])
  const moves = await insertActivities(client, done.activities)
  const rest = createScript()
  await writeMoves({ client, isTracked: writing.isTracked, target: rest }, [...toMoves(attributed), ...moves])
  await scriptRest(rest, batch, [...batch.reprocessed, ...placed.reprocessed, ...done.reprocessed])
  await rest.send(client)
  return [...placed.deadLetters, ...done.deadLetters]
}
