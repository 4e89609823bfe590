import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOutcomes } from '../support/recorded-books.ts'
import { expectRecorded, feedSockets, openRecording, readGaps, type Recording } from '../support/recording.ts'
import { expectWithin } from '../support/quickest.ts'
import { until } from '../support/system.ts'
import {
  expectDone,
  lastedMs,
  queryStatus,
  runOf,
  runTemporal,
  setState,
  signalMarket,
  startMarket,
  startNormalizer,
  statusOfWorkflow,
} from '../support/temporal-command.ts'

/** What an operator does with nothing but the `temporal` binary, on 20 markets at 300 frames/s that share a socket. */
const MARKETS = 20
const COPY = 'normalizer-copy'

let recording: Recording
let marketIds: string[]

beforeAll(async () => {
  recording = await openRecording({ markets: MARKETS, rate: 300, env: {} })
  const { rows } = await recording.pool.query<{ id: string }>('select market_id as id from quotes_live order by 1')
  marketIds = rows.map(({ id }) => id)
})

afterAll(() => recording[Symbol.asyncDispose]())

const marketAt = (index: number): string => {
  const marketId = marketIds[index]
  if (marketId === undefined) throw new Error(`there is no market ${index}`)
  return marketId
}

const untilQuoteSays = (marketId: string, state: string): Promise<boolean> =>
  until(`quote of ${marketId} to be ${state}`, async () => {
    const sql = 'select state from quotes_live where market_id = $1'
    const { rows } = await recording.pool.query<{ state: string }>(sql, [marketId])
    if (rows[0]?.state !== state) throw new Error(`it is ${rows[0]?.state}`)
    return true
  })

/** Rows a market. */
const countRows = async (): Promise<Map<string, number>> => {
  const sql = 'select market_id as id, count(*)::int as rows from order_books group by 1'
  const { rows } = await recording.pool.query<{ id: string; rows: number }>(sql)
  return new Map(rows.map((row) => [row.id, row.rows]))
}

/** In three seconds each other market gets rows, this one none; nobody else has a gap; the socket is the first one. */
const expectOnlySilent = async (marketId: string): Promise<void> => {
  const before = await countRows()
  await until('rows of all other markets', async () => {
    const now = await countRows()
    return marketIds.every((id) => id === marketId || (now.get(id) ?? 0) > (before.get(id) ?? 0)) || undefined
  })
  await sleep(3_000)
  expect((await countRows()).get(marketId), 'rows of a market that was left').toBe(before.get(marketId))
  expect(feedSockets(await recording.venue.ledger())).toHaveLength(1)
}

const expectTruth = async (): Promise<void> => {
  await expectRecorded(recording)
  await recording.venue.post('resume')
}

describe('an operator with the temporal binary', () => {
  test('pauses a market and resumes it with a confirmed state and fresh books, without touching the others', async () => {
    const { system, pool } = recording
    const marketId = marketAt(0)
    expectDone(await signalMarket(system, marketId, 'pause'))
    await untilQuoteSays(marketId, 'paused')
    await expectOnlySilent(marketId)
    const resumed = await setState(system, marketId, 'active')
    expect(resumed.text).toMatch(/"?confirmed"?:\s*true/)
    expect(resumed.code).toBe(0)
    await untilQuoteSays(marketId, 'live')
    const gaps = await readGaps(pool)
    expect(gaps.map((gap) => `${gap.outcomeId} ${gap.reason}`)).toEqual([
      `${marketId}:0 paused`,
      `${marketId}:1 paused`,
    ])
    expect(gaps.every(({ closedAt }) => closedAt !== null)).toBe(true)
    const snapshots = await pool.query(
      `select distinct b.outcome_id from order_books b join feed_gaps g using (outcome_id)
       where b.kind = 'snapshot' and b.sequence = g.first_good_sequence`,
    )
    expect(snapshots.rows).toHaveLength(2)
    await expectTruth()
    expect(await readGaps(pool)).toHaveLength(2)
  })

  test('is told why a bad state, an unknown market and a second start are refused; nothing changes', async () => {
    const { system } = recording
    const marketId = marketAt(1)
    const generation = async (): Promise<string | undefined> =>
      /generation\D+(\d+)/.exec((await queryStatus(system, marketId)).text)?.[1]
    const before = await generation()
    const bad = await setState(system, marketId, 'sleeping')
    expect(bad.code).not.toBe(0)
    expect(bad.text.replaceAll('\\', '')).toContain('expected {"state":"active"|"paused"|"stopped"}')
    expect(await generation()).toBe(before)
    expect(before).toBeDefined()
    const twice = await startMarket(system, marketId, '--fail-existing')
    expect(twice.code).not.toBe(0)
    expect(twice.text).toMatch(/already/i)
    // Without that flag the binary names the run that is there.
    const run = await runOf(system, `market:${marketId}`)
    expect((await startMarket(system, marketId)).text).toContain(run)
    expect(await runOf(system, `market:${marketId}`)).toBe(run)

    await expectWithin('an unknown market is refused', 5_000, async (attempt) => {
      const unknownId = `9999999${attempt}`
      expectDone(await startMarket(system, unknownId))
      const unknown = await runTemporal(system, 'workflow', 'result', '--workflow-id', `market:${unknownId}`)
      expect(unknown.code).not.toBe(0)
      expect(unknown.text).toContain(`market ${unknownId} is unknown`)
      return lastedMs(system, `market:${unknownId}`)
    })
    await untilQuoteSays(marketId, 'live')
  })

  test('starts a second copy of the normalizer by mistake: one goes on, the other says who owns the shard', async () => {
    const { system, pool } = recording
    const gaps = await readGaps(pool)
    expectDone(await startNormalizer(system, COPY))
    // The newer one takes the shard, until the one that control wants is started again, which it is within 15 s.
    await until('the copy to have ended, and the other to run', async () => {
      const [copy, wanted] = await Promise.all([COPY, 'normalizer:0'].map((id) => statusOfWorkflow(system, id)))
      if (copy !== 'FAILED' || wanted !== 'RUNNING') throw new Error(`they are ${copy} and ${wanted}`)
      return true
    })
    const { text } = await runTemporal(system, 'workflow', 'describe', '--workflow-id', COPY)
    expect(text.replaceAll(/\s+/g, ' ')).toMatch(/stopped because .*normalizer:0.* owns the shard/)
    await expectTruth()
    expect(await readGaps(pool), 'no gap comes of it').toEqual(gaps)
  })

  test('stops a market: its workflow completes, its ladders are gone, its quote says so', async () => {
    const { system, pool } = recording
    const marketId = marketAt(2)
    expectDone(await signalMarket(system, marketId, 'stop'))
    const result = await runTemporal(system, 'workflow', 'result', '--workflow-id', `market:${marketId}`)
    expectDone(result)
    await untilQuoteSays(marketId, 'stopped')
    const outcomeIds = [...(await readOutcomes(pool)).values()].filter((id) => id.startsWith(`${marketId}:`))
    const keys = outcomeIds.flatMap((id) => [`ladder:${id}:bid`, `ladder:${id}:ask`])
    await until('ladders to be gone', async () => (await system.redis().exists(keys)) === 0 || undefined)
    expect(await system.redis().hget(`quote:${marketId}`, 'state')).toBe('stopped')
    await expectOnlySilent(marketId)
  })
})
