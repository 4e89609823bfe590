import { afterAll, beforeAll, expect, test } from 'vitest'
import { withClient } from '../../src/store/checkout.ts'
import { writeCheckpoints } from '../../src/store/checkpoints.ts'
import { createHistory, createRandom, type History } from '../support/as-of-history.ts'
import { storeHistory } from '../support/as-of-store.ts'
import { bookTruth, type BookTruth } from '../support/as-of-truth.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const SEED = Number(process.env['POLYTAPE_TEST_SEED'] ?? '1')
const OUTCOMES = 40
const INSTANTS = 250
const MIDNIGHT_MS = Date.UTC(2026, 10, 24)
const random = createRandom(SEED)

let database: TestDatabase
let histories: History[]

type Asked = { history: History; atMs: number }
type Answer = { state: string; sequence: string | null; captured_at: Date | null; levels: unknown[][] }

beforeAll(async () => {
  database = await createDatabase()
  histories = Array.from({ length: OUTCOMES }, (_, index) =>
    createHistory(`${1_000 + index}:${index % 2}`, random, {
      startTimeMs: MIDNIGHT_MS - 1_200_000 - random(5_400_000),
      eventCount: 200 + random(600),
      longestPauseMs: 20_000 + random(60_000),
    }),
  )
  for (const history of histories) await storeHistory(database.pool, history)
})
afterAll(() => database[Symbol.asyncDispose]())

const ASK = `
select s.state, s.sequence, s.captured_at,
  (select coalesce(jsonb_agg(jsonb_build_array(b.side, b.price::text, b.size::text, b.state, b.sequence)), '[]')
   from book_at(q.outcome_id, q.at) b) as levels
from unnest($1::text[], $2::timestamptz[]) with ordinality as q (outcome_id, at, place), book_state_at(q.outcome_id, q.at) s
order by q.place`

const ask = async (asked: Asked[]): Promise<BookTruth[]> => {
  const outcomeIds = asked.map(({ history }) => history.outcomeId)
  const instants = asked.map(({ atMs }) => new Date(atMs).toISOString())
  const { rows } = await database.pool.query<Answer>(ASK, [outcomeIds, instants])
  return rows.map(({ state, sequence, captured_at, levels }) => {
    for (const level of levels) expect(level.slice(3)).toEqual([state, Number(sequence)])
    return {
      state,
      sequence: sequence === null ? null : Number(sequence),
      capturedTimeMs: captured_at?.getTime() ?? null,
      levels: levels.map(([side, price, size]) => [String(side), String(price), String(size)]),
    }
  })
}

/** Anywhere, at an event, or a millisecond beside one. */
const instantOf = (history: History): number => {
  const [first, last] = [history.rows[0]?.capturedTimeMs ?? 0, history.rows.at(-1)?.capturedTimeMs ?? 0]
  if (random(2) === 0) return first - 60_000 + random(last - first + 120_000)
  return (history.rows[random(history.rows.length)]?.capturedTimeMs ?? 0) + random(3) - 1
}

const compare = async (asked: Asked[], isCompared: (truth: BookTruth) => boolean): Promise<Map<string, number>> => {
  const seen = new Map<string, number>()
  for (let at = 0; at < asked.length; at += 500) {
    const some = asked.slice(at, at + 500)
    const answers = await ask(some)
    some.forEach(({ history, atMs }, index) => {
      const truth = bookTruth(history, atMs)
      if (!isCompared(truth)) return
      seen.set(truth.state, (seen.get(truth.state) ?? 0) + 1)
      expect(answers[index], `${history.outcomeId} at ${new Date(atMs).toISOString()}, seed ${SEED}`).toEqual(truth)
    })
  }
  return seen
}

test('10,000 books at random instants equal what a rebuild of all rows gives, with state, sequence and time', async () => {
  const asked = histories.flatMap((history) =>
    Array.from({ length: INSTANTS }, () => ({ history, atMs: instantOf(history) })),
  )
  const seen = await compare(asked, () => true)
  expect(asked).toHaveLength(10_000)
  for (const state of ['missing', 'verified', 'unverified', 'in_gap'])
    expect(seen.get(state), state).toBeGreaterThan(20)
})

test('an outcome that was never recorded has one state row, missing, and no level', async () => {
  const history = { ...createHistory('9:9', random, { startTimeMs: MIDNIGHT_MS, eventCount: 0, longestPauseMs: 1 }) }
  expect(await ask([{ history, atMs: Date.now() }])).toEqual([bookTruth(history, Date.now())])
})

const late = () => histories.filter((history) => (history.rows.at(-1)?.capturedTimeMs ?? 0) > MIDNIGHT_MS)
/** At events of the new day; the first ones are those that a day's beginning decides. */
const lateInstants = (eventCount: number): Asked[] =>
  late().flatMap((history) => {
    const events = history.rows.filter((row) => row.capturedTimeMs >= MIDNIGHT_MS).slice(0, eventCount)
    return Array.from({ length: 50 }, () => ({ history, atMs: events[random(events.length)]?.capturedTimeMs ?? 0 }))
  })

test('a book whose rows were archived without a checkpoint is never called right when it is not', async () => {
  const lateEvening = new Date(MIDNIGHT_MS - 3_600_000).toISOString()
  await database.pool.query('delete from book_checkpoints where captured_at > $1', [lateEvening])
  await database.pool.query('drop table order_books_20261123')
  const asked = lateInstants(12)
  const answers = await ask(asked)
  const wrong = answers.filter((answer, index) => {
    const { history, atMs } = asked[index]!
    return JSON.stringify(answer) !== JSON.stringify(bookTruth(history, atMs))
  })
  expect(wrong.length).toBeGreaterThan(20)
  expect(new Set(wrong.map(({ state }) => state))).toEqual(new Set(['in_gap', 'missing']))
})

test('with the checkpoint of midnight, books of a day need nothing of the days before', async () => {
  for (const history of late()) {
    const midnight = history.checkpoints.filter(({ sequence }) => sequence === history.midnightSequence)
    await withClient(database.pool, (client) => writeCheckpoints(client, midnight.slice(-1)))
  }
  const seen = await compare(lateInstants(1_000), (truth) => truth.state === 'verified' || truth.state === 'unverified')
  expect(seen.get('verified')).toBeGreaterThan(100)
})
