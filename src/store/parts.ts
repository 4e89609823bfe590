import type { ClientBase } from 'pg'
import type { Batch } from '../normalizer/batch.ts'
import { placeActivities } from './activity-places.ts'
import { writeAlertEvents, writeAlertStates } from './alerts.ts'
import { writeCheckpoints } from './checkpoints.ts'
import { writeDeadLetters, writeReprocessed } from './dead-letters.ts'
import { writeDepths } from './depths.ts'
import { writeFills } from './fills.ts'
import { writeGaps } from './gaps.ts'
import { writeHalving, type Isolation } from './isolation.ts'
import { writeLiquidity } from './liquidity.ts'
import { writeMarketChanges } from './market-changes.ts'
import { writeMarkets } from './markets.ts'
import { writeMetricBuckets, writeMetrics } from './metrics.ts'
import { lockAllWallets } from './position-rows.ts'
import { toMoves, writeMoves, type IsTracked } from './positions.ts'
import { writeHours, writeProofs } from './proofs.ts'
import { writeQuotes } from './quotes.ts'
import type { SealedDays } from './recorded-days.ts'
import { addRefused, explain } from './refused.ts'
import { writeBooksIsolated } from './refused-books.ts'
import { writeResolved } from './resolutions.ts'
import { settlePositions } from './settlements.ts'
import { placeTrades } from './trade-places.ts'
import { mergeTrades } from './trades.ts'
import { insertActivities } from './wallet-activities.ts'

/** What is known besides the batch: whose positions are kept, and which days take no more rows. */
export type Context = { isTracked: IsTracked; sealed: SealedDays }

/** Writes one kind of rows of a batch: what Postgres takes. The rest it takes out of the batch, into its dead letters. */
type Part = (client: ClientBase, batch: Batch, isolation: Isolation & Context) => Promise<void>

type Rows<T> = {
  name: string
  read: (batch: Batch) => T[]
  replace: (batch: Batch, items: T[]) => void
  write: (client: ClientBase, items: T[], context: { news: Batch['news']; isTracked: IsTracked }) => Promise<void>
  marketOf: (item: T) => string | undefined
}

const toPart =
  <T>({ name, read, replace, write, marketOf }: Rows<T>): Part =>
  async (client, batch, isolation) => {
    const items = read(batch)
    const { news } = batch
    const { isTracked } = isolation
    // A savepoint does not take back what was told of rows that are then refused.
    const writeSome = async (to: ClientBase, some: T[]): Promise<void> => {
      const told: Batch['news'] = []
      await write(to, some, { news: told, isTracked })
      news.push(...told)
    }
    const refused = await writeHalving(client, items, writeSome, isolation)
    if (refused.length === 0) return
    const gone = new Set(refused.flatMap((one) => one.items))
    const kept = items.filter((item) => !gone.has(item))
    replace(batch, kept)
    for (const one of refused) addRefused(batch, explain(one, name, marketOf))
  }

const ofOutcome = ({ outcomeId }: { outcomeId: string }): string => outcomeId.split(':')[0] ?? ''
const ofMarket = ({ marketId }: { marketId: string }): string => marketId

/** Nothing is dropped without a row: a text that Postgres cannot hold is kept in an alphabet that it can. */
const writeLetters: Part = async (client, batch, isolation) => {
  const refused = await writeHalving(client, batch.deadLetters, writeDeadLetters, isolation)
  const encoded = refused.flatMap(({ items, message }) =>
    items.map((letter) => ({ ...letter, detail: message, raw: Buffer.from(letter.raw).toString('base64') })),
  )
  await writeHalving(client, encoded, writeDeadLetters, isolation)
}

/** Markets that were refused have no outcomes: it is looked for again what is known. */
const placeAll: Part = async (client, batch) => {
  const { trades, deadLetters, reprocessed } = await placeTrades(client, batch.trades)
  const placed = await placeActivities(client, batch.activities)
  batch.trades = trades
  batch.activities = placed.activities
  batch.deadLetters.push(...deadLetters, ...placed.deadLetters)
  batch.reprocessed.push(...reprocessed, ...placed.reprocessed)
}

/** First of all: what is tried and undone again would lose its locks, and take them anew in another order. */
const lockPositions: Part = async (client, { trades, activities, markets, resolvedMarkets }) => {
  const isMoved = trades.length > 0 || activities.length > 0 || markets.size > 0 || resolvedMarkets.size > 0
  if (isMoved) await lockAllWallets(client)
}

/** In the order in which they are written; dead letters last, since the others add to them. */
export const PARTS: Part[] = [
  lockPositions,
  toPart({
    name: 'markets',
    read: (batch) => [...batch.markets.values()],
    replace: (batch, items) => (batch.markets = new Map(items.map((market) => [market.marketId, market]))),
    write: writeMarkets,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'resolutions',
    read: (batch) => [...batch.resolvedMarkets.values()],
    replace: (batch, items) => (batch.resolvedMarkets = new Map(items.map((row) => [row.marketId, row]))),
    write: writeResolved,
    marketOf: ofMarket,
  }),
  (client, { markets, resolvedMarkets }) =>
    settlePositions(client, [...markets.values()], [...resolvedMarkets.values()]),
  toPart({
    name: 'market_changes',
    read: (batch) => batch.marketChanges,
    replace: (batch, items) => (batch.marketChanges = items),
    write: writeMarketChanges,
    marketOf: ofMarket,
  }),
  writeBooksIsolated,
  toPart({
    name: 'quotes_live',
    read: (batch) => [...batch.quotes.values()],
    replace: (batch, items) => (batch.quotes = new Map(items.map((quote) => [quote.marketId, quote]))),
    write: writeQuotes,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'fills',
    read: (batch) => batch.fills,
    replace: (batch, items) => (batch.fills = items),
    write: (client, items, { news }) => writeFills(client, items, news),
    marketOf: ofMarket,
  }),
  placeAll,
  toPart({
    name: 'fills',
    read: (batch) => batch.trades,
    replace: (batch, items) => (batch.trades = items),
    write: async (client, items, { news, isTracked }) => {
      await writeMoves({ client, isTracked }, toMoves(await mergeTrades(client, items, news)))
    },
    marketOf: ({ marketId }) => marketId,
  }),
  toPart({
    name: 'wallet_activities',
    read: (batch) => batch.activities,
    replace: (batch, items) => (batch.activities = items),
    write: async (client, items, { isTracked }) =>
      writeMoves({ client, isTracked }, await insertActivities(client, items)),
    marketOf: ({ marketId }) => marketId,
  }),
  toPart({
    name: 'feed_gaps',
    read: (batch) => batch.gapsOpened,
    replace: (batch, items) => (batch.gapsOpened = items),
    write: (client, items) => writeGaps(client, items, []),
    marketOf: ofMarket,
  }),
  toPart({
    name: 'feed_gaps',
    read: (batch) => batch.gapsClosed,
    replace: (batch, items) => (batch.gapsClosed = items),
    write: (client, items) => writeGaps(client, [], items),
    marketOf: ofOutcome,
  }),
  toPart({
    name: 'book_checkpoints',
    read: (batch) => batch.checkpoints,
    replace: (batch, items) => (batch.checkpoints = items),
    write: writeCheckpoints,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'book_proofs',
    read: (batch) => batch.proofs,
    replace: (batch, items) => (batch.proofs = items),
    write: writeProofs,
    marketOf: ofOutcome,
  }),
  toPart({
    name: 'book_depths',
    read: (batch) => batch.depths,
    replace: (batch, items) => (batch.depths = items),
    write: writeDepths,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'market_hours',
    read: (batch) => batch.hours,
    replace: (batch, items) => (batch.hours = items),
    write: writeHours,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'derived_metrics',
    read: (batch) => [...batch.metrics.values()],
    replace: (batch, items) => (batch.metrics = new Map(items.map((item, at) => [String(at), item]))),
    write: writeMetrics,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'metric_buckets',
    read: (batch) => [...batch.metricBuckets.values()],
    replace: (batch, items) => (batch.metricBuckets = new Map(items.map((item, at) => [String(at), item]))),
    write: writeMetricBuckets,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'liquidity_events',
    read: (batch) => batch.liquidity,
    replace: (batch, items) => (batch.liquidity = items),
    write: writeLiquidity,
    marketOf: ofMarket,
  }),
  toPart({
    name: 'dead_letters.result',
    read: (batch) => batch.reprocessed,
    replace: (batch, items) => (batch.reprocessed = items),
    write: writeReprocessed,
    marketOf: () => undefined,
  }),
  toPart({
    name: 'alert_states',
    read: (batch) => [...batch.alertStates.values()],
    replace: (batch, items) => (batch.alertStates = new Map(items.map((row) => [row.alertId, row]))),
    write: writeAlertStates,
    marketOf: () => undefined,
  }),
  toPart({
    name: 'alert_events',
    read: (batch) => batch.alertEvents,
    replace: (batch, items) => (batch.alertEvents = items),
    write: writeAlertEvents,
    marketOf: ofMarket,
  }),
  writeLetters,
]
