import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../src/store/checkout.ts'
import { writeCheckpoints } from '../../src/store/checkpoints.ts'
import { writeMarkets } from '../../src/store/markets.ts'
import { ensurePartition } from '../../src/store/partitions.ts'
import { checkpointOf, createRandom } from '../support/as-of-history.ts'
import {
  coverageTruth,
  type CoverageFacts,
  type CoverageGap,
  type CoverageImport,
  type CoverageRow,
} from '../support/coverage-truth.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const SEED = Number(process.env['POLYTAPE_TEST_SEED'] ?? '1')
const random = createRandom(SEED)
const HOUR_S = 3_600
const NOW_S = Math.floor(Date.now() / 1_000)
const THIS_HOUR_S = Math.floor(NOW_S / HOUR_S) * HOUR_S

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

const iso = (second: number): string => new Date(second * 1_000).toISOString()

const ASK = `
select extract(epoch from hour)::float8 as hour, events::float8, batches_verified::float8 as verified,
  batches_unverifiable::float8 as unverifiable, batches_mismatched::float8 as mismatched,
  gap_seconds::float8 as "gapSeconds", state, imported_seconds::float8 as "importedSeconds",
  imported_from as "importedFrom"
from coverage($1, $2, $3)`

const ask = async (marketId: string, from: number, to: number): Promise<CoverageRow[]> =>
  (await database.pool.query<CoverageRow>(ASK, [marketId, iso(from), iso(to)])).rows

const countsOf = () => {
  const events = random(4) === 0 ? 0 : random(10_000)
  const few = () => (events > 0 && random(4) === 0 ? 1 + random(3) : 0)
  return { events, verified: events, unverifiable: few(), mismatched: few() }
}

const gapsOf = (outcomeIds: string[], begin: number): CoverageGap[] =>
  outcomeIds.flatMap((outcomeId) =>
    Array.from({ length: random(12) }, () => {
      const opened = begin + random(NOW_S - begin)
      const closed = Math.min(NOW_S, opened + [0, 1, random(600), random(5 * HOUR_S)][random(4)]!)
      return { outcomeId, opened, closed: random(12) === 0 ? undefined : closed, nothingMissed: random(5) === 0 }
    }),
  )

/** One after the other, some of them before the first book, some across gaps, some where all was recorded. */
const importsOf = (outcomeIds: string[], begin: number): CoverageImport[] =>
  outcomeIds.flatMap((outcomeId) => {
    const spans: CoverageImport[] = []
    let at = begin - 8 * HOUR_S
    for (let count = random(8); count > 0 && at < NOW_S - 10; count--) {
      const begins = at + random(6 * HOUR_S)
      const ends = Math.min(NOW_S, begins + 1 + random(4 * HOUR_S))
      at = ends
      if (begins >= ends) continue
      const isBooks = random(3) > 0
      spans.push({ outcomeId, begins, ends, source: isBooks ? 'pmxt' : 'prices_history', isBooks })
    }
    return spans
  })

const createFacts = (marketId: string): CoverageFacts => {
  const firstHour = THIS_HOUR_S - (10 + random(50)) * HOUR_S
  const begin = firstHour + random(HOUR_S)
  const outcomeIds = [`${marketId}:0`, `${marketId}:1`]
  const hours = new Map<number, ReturnType<typeof countsOf>>()
  for (let hour = firstHour; hour <= THIS_HOUR_S; hour += HOUR_S) {
    if (random(5) > 0) hours.set(hour, countsOf())
  }
  return { outcomeIds, hours, firstBook: begin, gaps: gapsOf(outcomeIds, begin), imports: importsOf(outcomeIds, begin) }
}

const writeOffset = (stream: string, progress: object, updated: number) =>
  database.pool.query(
    `insert into ingestion_offsets (stream, last_id, sequence, writer, progress, updated_at) values ($1, '1-1', 1, 'w', $2, $3)
     on conflict (stream) do update set progress = excluded.progress, updated_at = excluded.updated_at`,
    [stream, JSON.stringify(progress), iso(updated)],
  )

const store = async (marketId: string, facts: CoverageFacts): Promise<void> => {
  const outcomes = facts.outcomeIds.map((outcomeId, index) => ({ outcomeId, name: String(index), token: outcomeId }))
  const market = { marketId, conditionId: '0x1', slug: marketId, question: '?', status: 'active' as const, outcomes }
  const rest = { feeBps: undefined, endTimeMs: undefined, tickSize: '0.01', minOrderSize: '5', negRisk: false, version: undefined } // prettier-ignore
  await withClient(database.pool, (client) => writeMarkets(client, [{ ...market, ...rest }]))
  for (const gap of facts.gaps) {
    await database.pool.query(
      `insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, closed_at, reason, last_good_sequence, gap_sequence, detail, nothing_missed)
       select $1, $2, $3, $3, $4, 'disconnect', 1, (select count(*) from feed_gaps), '', $5`,
      [marketId, gap.outcomeId, iso(gap.opened), gap.closed === undefined ? null : iso(gap.closed), gap.nothingMissed],
    )
  }
  for (const [hour, counts] of facts.hours) {
    if (hour === THIS_HOUR_S) continue
    const { events, verified, unverifiable, mismatched } = counts
    await database.pool.query('insert into market_hours values ($1, $2, $3, $4, $5, $6)', [marketId, iso(hour), events, verified, unverifiable, mismatched]) // prettier-ignore
  }
  for (const { outcomeId, begins, ends, source } of facts.imports) {
    await database.pool.query(
      `insert into imported_spans (outcome_id, market_id, begins_at, ends_at, rows, source, origin, import_id)
       values ($1, $2, $3, $4, 1, $5, 'a file', 'a run')`,
      [outcomeId, marketId, iso(begins), iso(ends), source],
    )
  }
  const present = facts.hours.get(THIS_HOUR_S)
  const hour = present === undefined ? undefined : { startTimeMs: THIS_HOUR_S * 1_000, ...present }
  await writeOffset(`orderbook:${marketId}`, { epoch: '', ordinal: 0, hour }, NOW_S)
  if (facts.firstBook !== undefined) await storeFirstBook(marketId, facts.firstBook)
}

const storeFirstBook = async (marketId: string, second: number): Promise<void> => {
  const outcomeId = `${marketId}:1`
  const store = (status: 'waiting' | 'following', sequence: number, capturedTimeMs: number) =>
    withClient(database.pool, async (client) => {
      const given = { outcomeId, sequence, capturedTimeMs, bids: [], asks: [] }
      await writeCheckpoints(client, [checkpointOf(given, { status, gapSequence: undefined })])
    })
  await store('waiting', 0, 0)
  await store('following', 1, second * 1_000)
  await store('following', 2, second * 1_000 + 1)
}

test('hours, counts, gap seconds and states of random recordings equal a count second by second', async () => {
  const seen = new Set<string>()
  for (let at = 0; at < 12; at++) {
    const marketId = String(100 + at)
    const facts = createFacts(marketId)
    await store(marketId, facts)
    for (let look = 0; look < 4; look++) {
      const from = THIS_HOUR_S - random(70 * HOUR_S)
      const to = look === 0 ? NOW_S : Math.min(NOW_S, from + 1 + random(30 * HOUR_S))
      if (from >= to) continue
      const rows = await ask(marketId, from, to)
      expect(rows, `market ${marketId}, ${iso(from)} to ${iso(to)}, seed ${SEED}`).toEqual(
        coverageTruth(facts, from, to),
      )
      for (const { state } of rows) seen.add(state)
    }
  }
  expect([...seen].toSorted()).toEqual(['available', 'degraded', 'imported', 'missing'])
})

test('a market that was never recorded is missing in every hour', async () => {
  const rows = await ask('none', THIS_HOUR_S - 3 * HOUR_S, THIS_HOUR_S)
  expect(rows.map(({ state, events }) => [state, events])).toEqual(Array.from({ length: 3 }, () => ['missing', 0]))
})

test('the hour in which a recording begins is missing until its first book, and degraded as a whole', async () => {
  const marketId = 'begun'
  const hour = THIS_HOUR_S - 3 * HOUR_S
  const outcomeIds = [`${marketId}:0`, `${marketId}:1`]
  const counts = { events: 10, verified: 10, unverifiable: 0, mismatched: 0 }
  await store(marketId, {
    outcomeIds,
    hours: new Map([[hour, counts]]),
    firstBook: hour + 1_200,
    gaps: [],
    imports: [],
  })
  const states = async (from: number, to: number) =>
    (await ask(marketId, from, to)).map((row) => [row.state, row.gapSeconds])
  expect(await states(hour, hour + 1_200)).toEqual([['missing', 1_200]])
  expect(await states(hour + 1_200, hour + 2 * HOUR_S)).toEqual([['available', 0], ['available', 0]]) // prettier-ignore
  expect(await states(hour, hour + 2 * HOUR_S)).toEqual([['degraded', 1_200], ['available', 0]]) // prettier-ignore
})

test('a first snapshot begins a recording too, before any checkpoint is written; imported ones begin none', async () => {
  const [marketId, outcomeId] = ['rows', 'rows:0']
  const hour = THIS_HOUR_S - 3 * HOUR_S
  const counts = { events: 10, verified: 10, unverifiable: 0, mismatched: 0 }
  const facts = { outcomeIds: [outcomeId], hours: new Map([[hour, counts]]), gaps: [], imports: [] }
  await store(marketId, { ...facts, firstBook: undefined })
  for (let day = Math.floor(hour / 86_400); day <= Math.floor(NOW_S / 86_400); day++)
    await ensurePartition(database.pool, day)
  const insert = (sequence: number, second: number) =>
    database.pool.query(
      `insert into order_books (id, captured_at, price, size, market_id, outcome_id, side, kind)
       values ($1::bigint * 65536, $2, 0.5, 1, $3, $4, 'bid', 'snapshot')`,
      [sequence, iso(second), marketId, outcomeId],
    )
  await insert(-5, hour + 60)
  await insert(1, hour + 600)
  const truth = coverageTruth({ ...facts, firstBook: hour + 600 }, hour, hour + 2 * HOUR_S)
  expect(truth.map(({ gapSeconds }) => gapSeconds)).toEqual([600, 0])
  expect(await ask(marketId, hour, hour + 2 * HOUR_S)).toEqual(truth)
})

test('the future has no row, and a span that ends before it starts has none', async () => {
  expect(await ask('none', NOW_S + HOUR_S, NOW_S + 2 * HOUR_S)).toEqual([])
  expect(await ask('none', NOW_S, NOW_S - HOUR_S)).toEqual([])
  expect((await ask('none', THIS_HOUR_S, NOW_S + 9 * HOUR_S)).length).toBeLessThanOrEqual(2)
})

test('hours after the last commit of anything are missing: nobody was there to record them', async () => {
  await using other = await createDatabase()
  const hour = THIS_HOUR_S - 5 * HOUR_S
  await other.pool.query(`insert into market_hours values ('7', $1, 10, 10, 0, 0)`, [iso(hour)])
  await other.pool.query(`insert into ingestion_offsets values ('orderbook:7', '1-1', 1, 'w', '{}', $1)`, [
    iso(hour + HOUR_S + 60),
  ])
  const { rows } = await other.pool.query<{ state: string }>('select state from coverage($1, $2, $3)', ['7', iso(hour), iso(hour + 4 * HOUR_S)]) // prettier-ignore
  expect(rows.map(({ state }) => state)).toEqual(['available', 'available', 'missing', 'missing'])
})
