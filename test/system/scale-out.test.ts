import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFleet, type Fleet, type Member } from '../support/fleet.ts'
import { expectWithin } from '../support/quickest.ts'
import { expectRecorded, openSockets, readGaps, untilLive } from '../support/recording.ts'
import { until } from '../support/system.ts'

/** Two workers for each activity that must never stop, 20 markets at 300 frames/s; one fleet goes through all of it. */
const MARKETS = 20
const OUTCOMES = MARKETS * 2
const FEED = 'feed:0:a'
const NORMALIZER = 'normalizer:0'

let fleet: Fleet

beforeAll(async () => {
  fleet = await openFleet({ markets: MARKETS, rate: 300 })
})

afterAll(() => fleet[Symbol.asyncDispose]())

const ownerOf = (workflowId: string): Promise<Member> =>
  until(`a worker to run ${workflowId}`, () => fleet.ownerOf(workflowId))

/** Books, rows and sequences are those of the venue's ledger; the flow goes on afterwards. */
const expectTruth = async (): Promise<void> => {
  await expectRecorded(fleet)
  await fleet.venue.post('resume')
}

type FeedGap = { tookOverMs: number; healedMs: number; reasons: string[] }

/** A worker that is killed is missed by its heartbeat: the server waits for it so long, however quick the machine is. */
const HEARTBEAT_MS = 3_000

/** Ms after `sinceTimeMs` until the venue saw a new socket, and until every book was known again. */
const measureFeedGap = async (sinceTimeMs: number): Promise<FeedGap> => {
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
    { signal: 'SIGTERM', withinMs: 2_000, fixedMs: 0 },
    { signal: 'SIGKILL', withinMs: 4_000, fixedMs: HEARTBEAT_MS },
  ] as const)(
    'that gets $signal is replaced within $withinMs ms; the hole is a recorded gap, healed a second later',
    async ({ signal, withinMs, fixedMs }) => {
      let healedMs = 0
      const measure = async (): Promise<number> => {
        const owner = await ownerOf(FEED)
        const gap = await measureFeedGap(await owner.end(signal))
        healedMs = gap.healedMs
        expect(gap.reasons).toEqual(['feed_restart'])
        expect(await ownerOf(FEED)).not.toBe(owner)
        await fleet.start('feed')
        return Math.max(gap.tookOverMs, gap.healedMs - 1_000)
      }
      await expectWithin(`${signal} of a feed until a new socket is open`, withinMs, measure, { fixedMs })
      console.log(`all books were known after ${healedMs} ms`)
      await expectTruth()
    },
  )
})

const readSockets = async () => openSockets(await fleet.venue.ledger())

describe('a feed worker that stood still', () => {
  test('and comes back beside its peer leaves a gap, and all books are live again', async () => {
    const owner = await ownerOf(FEED)
    const thaw = owner.freeze()
    try {
      await until('its peer to own the feed', async () => (await ownerOf(FEED)) !== owner || undefined)
      await until('a second socket', async () => (await readSockets()).length >= 2 || undefined)
      const [oldest] = (await readSockets()).toSorted((left, right) => left.openedTimeMs - right.openedTimeMs)
      await fleet.venue.post('close', { connection: oldest?.id ?? 0, abrupt: true })
    } finally {
      thaw()
    }
    await until('the one that stood still to have ended', () => owner.logged().includes('feed was closed') || undefined)
    await untilLive(fleet.pool, MARKETS)
    await expectTruth()
    const replaced = 'its books follow a newer one that brings nothing'
    console.log(`its peer had to open a newer socket: ${(await ownerOf(FEED)).logged().includes(replaced)}`)
  })
})

describe('a normalizer with a peer', () => {
  test.each([
    { signal: 'SIGTERM', withinMs: 2_000, fixedMs: 0 },
    // Until its peer has rebuilt the books and committed.
    { signal: 'SIGKILL', withinMs: 5_000, fixedMs: HEARTBEAT_MS },
  ] as const)(
    'that gets $signal is replaced within $withinMs ms, and nothing is lost',
    async ({ signal, withinMs, fixedMs }) => {
      const gaps = await readGaps(fleet.pool)
      const measure = async (): Promise<number> => {
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
        expect(await ownerOf(NORMALIZER)).not.toBe(owner)
        await fleet.start('normalizer')
        return Number(committed) - askedTimeMs
      }
      await expectWithin(`${signal} of a normalizer until its peer commits`, withinMs, measure, { fixedMs })
      await expectTruth()
      expect(await readGaps(fleet.pool), 'gaps').toEqual(gaps)
    },
  )
})

const countRows = async (): Promise<number> =>
  (await fleet.pool.query<{ rows: number }>('select count(*)::int as rows from order_books')).rows[0]?.rows ?? 0

/** For so many seconds and longer: again and again new rows come. */
const expectRows = async (seconds: number, when: string): Promise<void> => {
  for (let span = 0; span < seconds / 2; span++) {
    const last = await countRows()
    await sleep(2_000)
    await until(`more rows ${when}`, async () => (await countRows()) > last)
  }
}

/** What an operator does: the server may need a moment until it answers. */
const request = async (marketId: string, signal: 'pause' | 'resume', state: string): Promise<void> => {
  const market = fleet.client.workflow.getHandle(`market:${marketId}`)
  await until(`${signal} to be taken`, async () => {
    await market.signal(signal)
    return true
  })
  await until(`market ${marketId} to be ${state}`, async () => {
    const sql = 'select 1 from quotes_live where market_id = $1 and state = $2'
    return (await fleet.pool.query(sql, [marketId, state])).rowCount === 1 || undefined
  })
}

/** A feed that the server gave up is run by another attempt within 4 s, as that of a worker that was killed. */
const LONGEST_HOLE_MS = 4_000

/** Of the gaps since then, but for the pause of that market; another reason than the start of a feed there is none. */
const longestHoleMs = async (begun: Date, pausedId: string): Promise<number> => {
  const { rows } = await fleet.pool.query<{ reason: string; lastedMs: number }>(
    `select reason, extract(epoch from closed_at - opened_at)::float * 1000 as "lastedMs" from feed_gaps
     where detected_at > $1 and not (market_id = $2 and reason = 'paused')`,
    [begun, pausedId],
  )
  expect(rows.filter(({ reason }) => reason !== 'feed_restart')).toEqual([])
  return Math.max(0, ...rows.map(({ lastedMs }) => lastedMs))
}

describe('the Temporal server', () => {
  test.each([
    { how: 'stop', seconds: 6, marketId: '516710' },
    // Longer than an activity that the server gave up stays: it must not have noticed anything.
    { how: 'kill', seconds: 16, marketId: '516717' },
  ] as const)(
    'that is gone for $seconds s ($how) stops no frame; then control works again without help',
    async ({ how, seconds, marketId }) => {
      await expectWithin(`the longest hole (${how})`, LONGEST_HOLE_MS, async () => {
        const begun = new Date()
        await fleet.temporal[how]()
        await expectRows(seconds, 'without a server')
        await fleet.temporal.start()
        await expectRows(4, 'after its return')
        await request(marketId, 'pause', 'paused')
        await request(marketId, 'resume', 'live')
        await expectTruth()
        return longestHoleMs(begun, marketId)
      })
    },
  )
})
