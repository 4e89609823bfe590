import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFleet, type Fleet, type Member } from '../support/fleet.ts'
import { brokenPromises } from '../support/recorded-truth.ts'
import { readGaps, settle, wrongRowCounts } from '../support/recording.ts'
import { until } from '../support/system.ts'

/** Two workers for each activity that must never stop, 20 markets at 300 frames/s; one fleet goes through all of it. */
const MARKETS = 20
const OUTCOMES = MARKETS * 2
const FEED = 'feed:0:a'
const NORMALIZER = 'normalizer:0'

let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet({ markets: MARKETS, rate: 300 })
}, 180_000)

afterAll(() => fleet[Symbol.asyncDispose](), 60_000)

const ownerOf = (workflowId: string): Promise<Member> =>
  until(`a worker to run ${workflowId}`, () => fleet.ownerOf(workflowId))

/** Books, rows and sequences are those of the venue's ledger; the flow goes on afterwards. */
const expectTruth = async (): Promise<void> => {
  const ledger = await settle(fleet)
  expect(await brokenPromises(ledger, fleet.pool, fleet.system.redis())).toEqual([])
  expect(await wrongRowCounts(ledger, fleet.pool)).toEqual([])
  await fleet.venue.post('resume')
}

/** Ms after `sinceTimeMs` until the venue saw a new socket, and until every book was known again. */
const measureFeedGap = async (
  sinceTimeMs: number,
): Promise<{ tookOverMs: number; healedMs: number; reasons: string[] }> => {
  const since = new Date(sinceTimeMs - 100)
  type Row = { closed: Date | null; reason: string; outcomes: number }
  const sql = `select max(closed_at) as closed, string_agg(distinct reason, ',') as reason, count(distinct outcome_id)::int as outcomes
    from feed_gaps where detected_at > $1 having bool_and(closed_at is not null)`
  const row = await until('a gap of every outcome that is closed', async () => {
    const { rows } = await fleet.pool.query<Row>(sql, [since])
    return rows[0]?.outcomes === OUTCOMES ? rows[0] : undefined
  })
  const opened = (await fleet.venue.ledger()).connections.map(({ openedTimeMs }) => openedTimeMs)
  const tookOverMs = Math.max(...opened) - sinceTimeMs
  return { tookOverMs, healedMs: Number(row.closed) - sinceTimeMs, reasons: row.reason.split(',') }
}

describe('a feed worker with a peer', () => {
  test.each([
    { signal: 'SIGTERM', withinMs: 2_000 },
    { signal: 'SIGKILL', withinMs: 4_000 },
  ] as const)(
    'that gets $signal is replaced within $withinMs ms; the hole is a recorded gap, healed a second later',
    async ({ signal, withinMs }) => {
      const owner = await ownerOf(FEED)
      const askedTimeMs = await owner.end(signal)
      const { tookOverMs, healedMs, reasons } = await measureFeedGap(askedTimeMs)
      console.log(`${signal} of a feed: a new socket after ${tookOverMs} ms, all books known after ${healedMs} ms`)
      expect(tookOverMs).toBeLessThan(withinMs)
      expect(healedMs).toBeLessThan(withinMs + 1_000)
      expect(reasons).toEqual(['feed_restart'])
      expect(await ownerOf(FEED)).not.toBe(owner)
      await fleet.start('feed')
      await expectTruth()
    },
  )
})

describe('a normalizer with a peer', () => {
  test.each([
    { signal: 'SIGTERM', withinMs: 2_000 },
    { signal: 'SIGKILL', withinMs: 6_000 },
  ] as const)(
    'that gets $signal is replaced within $withinMs ms, and nothing is lost',
    async ({ signal, withinMs }) => {
      const gaps = await readGaps(fleet.pool)
      const owner = await ownerOf(NORMALIZER)
      const askedTimeMs = await owner.end(signal)
      const committed = await until('a commit of the peer', async () => {
        const { rows } = await fleet.pool.query<{ at: Date }>(
          `select min(o.updated_at) as at from ingestion_offsets o join normalizer_owners n on o.writer = n.shard || ':' || n.epoch
         where n.started_at > $1 having count(*) > 0`,
          [new Date(askedTimeMs)],
        )
        return rows[0]?.at
      })
      console.log(`${signal} of a normalizer: its peer commits after ${Number(committed) - askedTimeMs} ms`)
      expect(Number(committed) - askedTimeMs).toBeLessThan(withinMs)
      expect(await ownerOf(NORMALIZER)).not.toBe(owner)
      await fleet.start('normalizer')
      await expectTruth()
      expect(await readGaps(fleet.pool), 'gaps').toEqual(gaps)
    },
  )
})

const countRows = async (): Promise<number> =>
  (await fleet.pool.query<{ rows: number }>('select count(*)::int as rows from order_books')).rows[0]?.rows ?? 0

describe('the Temporal server', () => {
  test.each(['stop', 'kill'] as const)(
    'is gone for 8 s (%s): frames flow on, and control works again without help',
    async (how) => {
      await fleet.temporal[how]()
      const counts: number[] = []
      for (let second = 0; second < 8; second++) {
        counts.push(await countRows())
        await sleep(1_000)
      }
      await fleet.temporal.start()
      const backTimeMs = Date.now()
      const rises = counts.slice(1).map((count, index) => count - (counts[index] ?? 0))
      console.log(`rows a second without Temporal: ${rises.join(' ')}`)
      expect(Math.min(...rises)).toBeGreaterThan(0)
      for (let second = 0; second < 20; second++) {
        const before = await countRows()
        await sleep(1_000)
        console.log(
          `after ${Date.now() - backTimeMs} ms: rows ${(await countRows()) - before} owners ${(await fleet.ownerOf(FEED))?.identity} ${(await fleet.ownerOf(NORMALIZER))?.identity}`,
        )
      }
      console.log(JSON.stringify(await readGaps(fleet.pool)).slice(0, 2000))
      await expectTruth()
    },
    120_000,
  )
})
