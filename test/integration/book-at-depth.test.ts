import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newBatch, type DepthRow } from '../../src/normalizer/batch.ts'
import type { CheckpointRow } from '../../src/normalizer/checkpoint-row.ts'
import { toCheckpoints } from '../../src/normalizer/checkpoint.ts'
import { copyBookRows } from '../../src/store/books.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeCheckpoints } from '../../src/store/checkpoints.ts'
import { readDepthAt, writeDepths } from '../../src/store/depths.ts'
import { ensurePartition } from '../../src/store/partitions.ts'
import { createRandom } from '../support/as-of-history.ts'
import { windowOf, withoutDepth } from '../support/kept-window.ts'
import { levelKey } from '../support/normalizer-rows.ts'
import { applyAll, levelsOf, newTape, newTapeOf, testMarket } from '../support/normalizer-tape.ts'
import { depthActs, Venue, type Act } from '../support/normalizer-venue.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const SEED = Number(process.env['POLYTAPE_TEST_SEED'] ?? '1')
const RUNS = 60
const INSTANTS = 40
const DAY_MS = 86_400_000
const random = createRandom(SEED)

/** The kept levels and how many they may be, from an instant on: by sorting the book of a tape that keeps every level. */
type Truth = { atMs: number; window: string[]; depth: number }
type Recorded = { outcomeId: string; truths: Truth[] }

let database: TestDatabase
let recorded: Recorded[]

const marketOf = (marketId: string) => ({
  ...testMarket,
  marketId,
  outcomes: testMarket.outcomes.map((outcome, index) => ({ ...outcome, outcomeId: `${marketId}:${index}` })),
})

type Written = { lines: string[]; checkpoints: CheckpointRow[]; depths: DepthRow[]; days: Set<number> }

/** Plays the acts to a tape as a normalizer would, with a checkpoint now and then. */
const play = (marketId: string, acts: Act[]): { written: Written; outcomes: Recorded[] } => {
  const venue = new Venue()
  venue.play(acts)
  const batch = newBatch()
  const whole = newTape()
  const { tape } = newTapeOf(marketOf(marketId))
  const checkpoints: CheckpointRow[] = []
  const outcomes = tape.outcomes.map(({ outcome }): Recorded => ({ outcomeId: outcome.outcomeId, truths: [] }))
  for (const entry of venue.entries) {
    applyAll(whole, [withoutDepth(entry).plain])
    applyAll(tape, [entry], batch)
    outcomes.forEach(({ truths }, index) => {
      const [full, kept] = [whole.outcomes[index]!, tape.outcomes[index]!]
      const window = windowOf(levelsOf(full), tape.depth)
      truths.push({ atMs: kept.writer.capturedTimeMs, window, depth: tape.depth })
    })
    if (random(6) === 0) checkpoints.push(...toCheckpoints(tape))
  }
  return { written: { lines: batch.bookLines, checkpoints, depths: batch.depths, days: batch.days }, outcomes }
}

const store = async ({ lines, checkpoints, depths, days }: Written): Promise<void> => {
  for (const day of days) await ensurePartition(database.pool, day)
  await withClient(database.pool, async (client) => {
    await copyBookRows(client, lines)
    for (const row of checkpoints) await writeCheckpoints(client, [row])
    await writeDepths(client, depths)
  })
}

beforeAll(async () => {
  database = await createDatabase()
  const samples = fc.sample(depthActs, { numRuns: RUNS, seed: SEED, size: 'max' } as fc.Parameters<Act[]>)
  recorded = []
  for (const [index, acts] of samples.entries()) {
    const { written, outcomes } = play(String(5_000 + index), acts)
    await store(written)
    recorded.push(...outcomes)
  }
})
afterAll(() => database[Symbol.asyncDispose]())

const ASK = `
select (select coalesce(jsonb_agg(jsonb_build_array(b.side, b.price::text, b.size::text)), '[]')
  from book_at(q.outcome_id, q.at) b) as levels
from unnest($1::text[], $2::timestamptz[]) with ordinality as q (outcome_id, at, place) order by q.place`

type Asked = { outcomeId: string; truth: Truth; atMs: number }

const ask = async (asked: Asked[]): Promise<string[][]> => {
  const instants = asked.map(({ atMs }) => new Date(atMs).toISOString())
  const outcomeIds = asked.map(({ outcomeId }) => outcomeId)
  const { rows } = await database.pool.query<{ levels: [string, string, string][] }>(ASK, [outcomeIds, instants])
  return rows.map(({ levels }) =>
    levels.map(([side, price, size]) => `${levelKey(side, price)} ${String(Number(size))}`),
  )
}

/** Instants at events and a little beside them. */
const instantsOf = ({ outcomeId, truths }: Recorded): Asked[] =>
  Array.from({ length: INSTANTS }, () => {
    const atMs = (truths[random(truths.length)]?.atMs ?? 0) + random(3) - 1
    const truth = truths.findLast((one) => one.atMs <= atMs && one.atMs > 0)
    return { outcomeId, atMs, truth: truth ?? { atMs, window: [], depth: 0 } }
  })

test('at any instant, across changes of depth, book_at is the best n levels of the book that was whole then', async () => {
  const asked = recorded.flatMap(instantsOf)
  const seenDepths = new Map<number, number>()
  for (let at = 0; at < asked.length; at += 500) {
    const some = asked.slice(at, at + 500)
    const answers = await ask(some)
    some.forEach(({ outcomeId, atMs, truth }, index) => {
      expect(answers[index], `${outcomeId} at ${atMs}, seed ${SEED}`).toEqual(truth.window)
      if (truth.window.length > 0) seenDepths.set(truth.depth, (seenDepths.get(truth.depth) ?? 0) + 1)
    })
  }
  expect(asked).toHaveLength(RUNS * 2 * INSTANTS)
  for (const depth of [0, 1, 2, 3, 7]) expect(seenDepths.get(depth), `depth ${depth}`).toBeGreaterThan(50)
})

test('the depth in force at an instant can be asked for, and is all levels before anything was said', async () => {
  const market = recorded.find(({ truths }) => new Set(truths.map(({ depth }) => depth)).size > 1)
  const marketId = market?.outcomeId.split(':')[0] ?? ''
  const last = market?.truths.at(-1)
  expect(await readDepthAt(database.pool, marketId, (last?.atMs ?? 0) + DAY_MS)).toBe(last?.depth)
  expect(await readDepthAt(database.pool, marketId, (market?.truths[0]?.atMs ?? 0) - DAY_MS)).toBe(0)
})
