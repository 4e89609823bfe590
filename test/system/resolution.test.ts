import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRecording, type Recording } from '../support/recording.ts'
import { expectWithin } from '../support/quickest.ts'
import { until } from '../support/system.ts'
import {
  expectDone,
  lastedMs,
  queryStatus,
  runTemporal,
  startMarket,
  statusOfWorkflow,
} from '../support/temporal-command.ts'

/** The whole product on markets that end in every way that a venue knows. */
const MARKETS = 5
/** The books of a market that is added answer 404 for so long. */
const HYDRATION_MS = 7_000
let recording: Recording
let marketIds: string[]
beforeAll(async () => {
  recording = await openRecording({ markets: MARKETS, rate: 100, env: {} })
  const { rows } = await recording.pool.query<{ id: string }>('select market_id as id from quotes_live order by 1')
  marketIds = rows.map(({ id }) => id)
})
afterAll(() => recording[Symbol.asyncDispose]())

const marketAt = (index: number): string => marketIds[index] ?? `none ${index}`

const refresh = async (): Promise<void> => {
  const { code, text } = await runTemporal(recording.system, 'schedule', 'trigger', '--schedule-id', 'refreshCatalog')
  expect(code, text).toBe(0)
}
const untilEnded = (marketId: string): Promise<string> =>
  until(`workflow of ${marketId} to complete`, async () => {
    const status = await statusOfWorkflow(recording.system, `market:${marketId}`)
    if (status !== 'COMPLETED') throw new Error(`it is ${status}`)
    return status
  })
const endOf = async (marketId: string): Promise<unknown> => {
  const { rows } = await recording.pool.query<object>(
    `select m.status, m.subscription_override as override, m.resolved_at is not null as at, m.resolution_source as source,
       array_agg(trim_scale(o.payout)::text order by o.outcome_id) as payouts,
       (select max(s.last_id) from ingestion_offsets s where s.stream = 'orderbook:' || m.market_id) as last
     from markets m join outcomes o using (market_id) where market_id = $1 group by m.market_id`,
    [marketId],
  )
  const [newest] = await recording.system.redis().xrevrange(`orderbook:${marketId}`, '+', '-', 'COUNT', 1)
  return { ...rows[0], isDrained: newest === undefined || newest[0] === (rows[0] as { last?: string }).last }
}
const ended = { status: 'resolved', override: null, at: true, isDrained: true }

test('a broadcast ends a market; so does Gamma where the broadcast was lost, with what is really paid', async () => {
  const { venue, system } = recording
  const [told, lost] = [marketAt(0), marketAt(1)]
  await venue.post('resolve', { marketId: told, winner: 1, listed: false })
  await untilEnded(told)
  expect(await endOf(told)).toMatchObject({ ...ended, source: 'market_resolved', payouts: ['0', '1'] })
  expect((await queryStatus(system, told)).text).toContain('resolved')

  await venue.post('resolve', { marketId: lost, payouts: ['0.5', '0.5'], told: false })
  await venue.post('resolve', { marketId: told, payouts: ['0.5', '0.5'], told: false })
  await refresh()
  await untilEnded(lost)
  expect(await endOf(lost)).toMatchObject({ ...ended, source: 'gamma', payouts: ['0.5', '0.5'] })
  await until('the final payouts of the other', async () => {
    const { source, payouts } = (await endOf(told)) as { source: string; payouts: string[] }
    return source === 'gamma' && payouts.join() === '0.5,0.5'
  })

  const redis = system.redis()
  for (const marketId of [told, lost]) {
    await until(`${marketId} to have left the cache`, async () => {
      const [state, ladders] = [
        await redis.hget(`quote:${marketId}`, 'state'),
        await redis.keys(`ladder:${marketId}:*`),
      ]
      if (state !== 'resolved' || ladders.length > 0) throw new Error(`it is ${state}, with ${ladders.join(' ')}`)
      return true
    })
    expect(await redis.hget('feed_groups', marketId)).toBeNull()
  }
  await until('both to be listed as resolved', async () => {
    const { text } = await runTemporal(system, 'workflow', 'list', '--query', "MarketState='resolved'")
    return text.includes(`market:${told}`) && text.includes(`market:${lost}`)
  })
})

test('a market that only closed is watched until it is settled, and discovery starts none of them again', async () => {
  const { venue, system } = recording
  const closed = marketAt(2)
  await venue.post('close-market', { marketId: closed })
  await refresh()
  await until('Gamma to say that it is closed', async () => {
    const { status } = (await endOf(closed)) as { status: string }
    return status === 'closed'
  })
  await sleep(2_000)
  expect(await statusOfWorkflow(system, `market:${closed}`)).toBe('RUNNING')
  await venue.post('resolve', { marketId: closed, winner: 0, told: false })
  await refresh()
  await untilEnded(closed)
  expect(await endOf(closed)).toMatchObject({ ...ended, payouts: ['1', '0'] })
  await refresh()
  await sleep(2_000)
  for (const index of [0, 1, 2]) expect(await statusOfWorkflow(system, `market:${marketAt(index)}`)).toBe('COMPLETED')
})

test('an operator who starts a resolved market is told at once how it ended', async () => {
  const { system } = recording
  const resolved = marketAt(1)
  await expectWithin('a resolved market ends', 5_000, async () => {
    expectDone(await startMarket(system, resolved))
    const { code, text } = await runTemporal(system, 'workflow', 'result', '--workflow-id', `market:${resolved}`)
    expect(code).toBe(0)
    expect(text).toContain('resolved: nothing more is recorded')
    expect(text).toMatch(/payouts\W+0\.5\W+0\.5\W/)
    return lastedMs(system, `market:${resolved}`)
  })
})

test('a market whose books answer 404 stays starting, and is live soon after they are there', async () => {
  const { venue, system } = recording
  // No later than it is.
  const readyTimeMs = Date.now() + HYDRATION_MS
  const marketId = String(await venue.post('add-market', { hydrationMs: HYDRATION_MS }))
  expectDone(await startMarket(system, marketId))
  const stateOf = async (): Promise<string | undefined> =>
    /"state":"(\w+)"/.exec((await queryStatus(system, marketId)).text.replaceAll(/[\s\\]/g, ''))?.[1]
  const seen = new Set<string>()
  for (let state = await stateOf(); Date.now() < readyTimeMs; state = await stateOf()) {
    if (state !== undefined) seen.add(state)
    await sleep(500)
  }
  expect(seen).toEqual(new Set(['starting']))
  await until('it to be live', async () => (await stateOf()) === 'live')
  console.log(`live ${Date.now() - readyTimeMs} ms after its books were ready`)
})
