import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MarketStatus } from '../../src/workflows/market-contract.ts'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())

const called = (activity: string, marketId: string): unknown[] =>
  plane.stubs.named(activity, marketId).map((call) => call.input['state'])

const book = { bidPrice: '0.46', askPrice: '0.47', gapsOpen: 0, outcomesProved: 2 }
const observation = (marketId: string, state: string, atTimeMs = Date.now()) => ({
  marketId,
  state,
  sequence: 4,
  atTimeMs,
  feedEpoch: '1795-ab',
  book,
})
const alert = (alertId: string, state: string) => ({
  alertId,
  state,
  reason: `no report of ${alertId}`,
  atTimeMs: 1e12,
})

/** Started, live and with nothing left to do. */
const startLive = async (marketId: string): Promise<WorkflowHandle> => {
  const handle = await plane.startMarket(marketId)
  await until(async () => called('applySubscription', marketId).length === 1)
  await handle.signal('observed', observation(marketId, 'live'))
  return handle
}
const untilState = (handle: WorkflowHandle, state: string): Promise<true> =>
  until(async () => (await plane.stateOf(handle)) === state)

type Metadata = { currentDetails: string }
const detailsOf = async (handle: WorkflowHandle): Promise<string> =>
  (await handle.query<Metadata>('__temporal_workflow_metadata')).currentDetails

describe('a feed alert', () => {
  test('makes a market stale until every one that was raised has recovered', async () => {
    const handle = await startLive('1')
    await handle.signal('feedAlert', alert('feed:0:a', 'raised'))
    await handle.signal('feedAlert', alert('shard:0', 'raised'))
    await untilState(handle, 'stale')
    await handle.signal('feedAlert', alert('feed:0:a', 'recovered'))
    await handle.signal('feedAlert', alert('unheard-of', 'recovered'))
    expect(await plane.status(handle)).toMatchObject({ state: 'stale', alerts: [{ alertId: 'shard:0' }] })
    expect(await detailsOf(handle)).toContain(
      '| alerts | shard:0 since 2001-09-09 01:46:40 UTC: no report of shard:0 |',
    )
    await handle.signal('feedAlert', alert('shard:0', 'recovered'))
    await untilState(handle, 'live')
  })

  test('is outranked by a pause, and stands again after it', async () => {
    const handle = await startLive('2')
    await handle.signal('feedAlert', alert('feed:0:a', 'raised'))
    await untilState(handle, 'stale')
    await handle.signal('pause')
    await untilState(handle, 'paused')
    await handle.signal('resume')
    await untilState(handle, 'stale')
  })

  test.each([[null], ['stale'], [{ alertId: 'x', state: 'raised' }], [alert('', 'raised')], [alert('x', 'perhaps')]])(
    'that is %j changes nothing and says why',
    async (told) => {
      const handle = await startLive('3').catch(() => plane.client.workflow.getHandle('market:3'))
      await handle.signal('feedAlert', told)
      const { state, alerts, note } = await plane.status(handle)
      expect({ state, alerts }).toEqual({ state: 'live', alerts: [] })
      expect(note).toContain('feedAlert was refused')
    },
  )

  test('is kept with the newest of twenty, so that a flood of them costs no memory', async () => {
    const handle = await startLive('4')
    for (let at = 0; at < 30; at++) await handle.signal('feedAlert', alert(`rule-${at}`, 'raised'))
    const { alerts } = await plane.status(handle)
    expect(alerts.map(({ alertId }) => alertId)).toEqual(Array.from({ length: 20 }, (_, at) => `rule-${at + 10}`))
  })
})

describe('a resolved market', () => {
  test('is unsubscribed, drained and completes as resolved with its payouts, nobody having stopped it', async () => {
    const handle = await startLive('10')
    plane.stubs.isDrained = false
    await handle.signal('observed', observation('10', 'resolved'))
    await untilState(handle, 'resolved')
    await until(async () => called('awaitDrained', '10').length === 1)
    expect((await handle.describe()).status.name).toBe('RUNNING')
    plane.stubs.isDrained = true
    const end = { resolvedAt: '2026-11-26T18:00:00.000Z', payouts: ['0.5', '0.5'] }
    expect(await handle.result()).toMatchObject({ state: 'resolved', confirmed: true, end })
    expect(called('applySubscription', '10')).toEqual(['active', 'stopped'])
    expect(called('confirmSubscription', '10')).toEqual(['stopped'])
    expect(called('recordOverride', '10')).not.toContain('stopped')
    expect(called('forgetSubscription', '10')).toHaveLength(1)
    expect(await plane.stateOf(handle)).toBe('resolved')
    const details = await detailsOf(handle)
    expect(details).toContain('| payouts | 0.5 / 0.5, resolved 2026-11-26T18:00:00.000Z |')
  })

  test('that an operator starts completes at once, without a subscription', async () => {
    const handle = await plane.startMarket('410')
    const result = (await handle.result()) as MarketStatus
    expect(result).toMatchObject({ state: 'resolved', end: { payouts: ['0.5', '0.5'] } })
    expect(result.note).toContain('resolved')
    expect(called('applySubscription', '410')).toEqual([])
    expect(called('recordOverride', '410')).toEqual([])
  })

  test('takes no other desire: the operator is told why', async () => {
    const handle = await startLive('11')
    plane.stubs.isConfirming = false
    await handle.signal('observed', observation('11', 'resolved'))
    await untilState(handle, 'resolved')
    await handle.signal('resume')
    const refused = await handle
      .executeUpdate('setState', { args: [{ state: 'paused' }] })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError)
    expect(String((refused as WorkflowUpdateFailedError).cause)).toContain('the market has resolved')
    const { state, note } = await plane.status(handle)
    expect({ state, note }).toEqual({
      state: 'resolved',
      note: expect.stringContaining('active was refused') as string,
    })
    plane.stubs.isConfirming = true
    await handle.result()
  })

  test('fails a setState that waits for its confirmation with that reason', async () => {
    const handle = await startLive('12')
    plane.stubs.isConfirming = false
    const answer = handle.executeUpdate('setState', { args: [{ state: 'paused' }] }).catch((error: unknown) => error)
    await until(async () => called('confirmSubscription', '12').length > 0)
    await handle.signal('observed', observation('12', 'resolved'))
    const failure = await answer
    plane.stubs.isConfirming = true
    expect(failure).toBeInstanceOf(WorkflowUpdateFailedError)
    expect(String((failure as WorkflowUpdateFailedError).cause)).toContain('superseded by the resolution of the market')
    expect(await handle.result()).toMatchObject({ state: 'resolved' })
  })

  test('stays stopped where an operator had stopped it first', async () => {
    const handle = await startLive('13')
    plane.stubs.isConfirming = false
    await handle.signal('stop')
    await until(async () => called('confirmSubscription', '13').length > 0)
    await handle.signal('observed', observation('13', 'resolved'))
    plane.stubs.isConfirming = true
    const note = expect.stringContaining('by hand') as string
    expect(await handle.result()).toMatchObject({ state: 'stopped', note })
    expect(called('recordOverride', '13').at(-1)).toBe('stopped')
  })
})

describe('what an operator sees', () => {
  test('is paused where the feeds were told to hold, but not for what an earlier pause left', async () => {
    const handle = await startLive('20')
    await handle.signal('observed', observation('20', 'paused', Date.now() - 60_000))
    await untilState(handle, 'starting')
    await handle.signal('observed', observation('20', 'paused'))
    await untilState(handle, 'paused')
    expect(await plane.status(handle)).toMatchObject({ desired: 'active', observed: 'paused' })
    await handle.signal('observed', observation('20', 'live'))
    await untilState(handle, 'live')
  })

  test('is the age of the last report, the book in words, and a table that ends in the next commands', async () => {
    const handle = await startLive('21')
    const observedTimeMs = Date.now() - 90_000
    await handle.signal('observed', observation('21', 'live', observedTimeMs))
    const status = await plane.status(handle)
    expect(status).toMatchObject({ state: 'live', observed: 'live', sequence: 4, feedEpoch: '1795-ab' })
    expect(status.observedAgeMs).toBeGreaterThanOrEqual(90_000)
    expect(Date.parse(status.observedAt ?? '')).toBe(observedTimeMs)
    expect(status.book).toContain('proved')
    const details = await detailsOf(handle)
    expect(details.split('\n')[0]).toBe('**Question 21?**')
    for (const row of ['best bid / ask | 0.46 / 0.47', 'feed | group 3 (`feed:3:a`), connection `1795-ab`']) {
      expect(details).toContain(`| ${row}`)
    }
    expect(details).toContain('temporal workflow signal --workflow-id market:21 --name pause')
    await handle.signal('pause')
    await untilState(handle, 'paused')
    expect(await detailsOf(handle)).toContain('temporal workflow signal --workflow-id market:21 --name resume')
  })
})

/** The server refuses an update, in words, while a run hands over to the next under a flood of signals: asked again. */
const setState = async (handle: WorkflowHandle, state: string): Promise<MarketStatus> => {
  const deadlineMs = Date.now() + 60_000
  for (;;) {
    try {
      return await handle.executeUpdate<MarketStatus, [object]>('setState', { args: [{ state }] })
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError || Date.now() > deadlineMs) throw error
      await sleep(100)
    }
  }
}

describe('continue-as-new', () => {
  test('under thousands of signals, with updates in flight, loses none, and no run has 2,000 events', async () => {
    const handle = await startLive('30')
    const current = plane.client.workflow.getHandle('market:30')
    await current.signal('feedAlert', alert('kept', 'raised'))
    const answers: [state: string, answered: string][] = []
    for (let round = 0; round < 75; round++) {
      const signals = Array.from({ length: 40 }, (_, at) =>
        current.signal('observed', { ...observation('30', 'live'), sequence: round * 40 + at }),
      )
      const state = round % 20 === 0 ? 'paused' : 'active'
      if (round % 10 === 0) answers.push([state, (await setState(current, state)).desired])
      else await current.signal('setDepth', round)
      await Promise.all(signals)
    }
    for (const [state, answered] of answers) expect(answered).toBe(state)
    expect(answers).toHaveLength(8)
    await current.signal('observed', { ...observation('30', 'live'), sequence: 3_000 })
    const status = await plane.status(current)
    expect(status).toMatchObject({ depth: 74, sequence: 3_000, desired: 'active', alerts: [{ alertId: 'kept' }] })
    expect(status).toMatchObject({ slug: 'slug-30', feedGroup: 3, observed: 'live' })
    const generations = plane.stubs.named('applySubscription', '30').map(({ input }) => Number(input['generation']))
    expect(new Set(generations).size, 'each desire is applied, and none again for a new run').toBe(generations.length)
    const lengths = await until(async () => {
      const found: number[] = []
      for await (const { historyLength, workflowId } of plane.client.workflow.list()) {
        if (workflowId === handle.workflowId) found.push(historyLength ?? 0)
      }
      return found.length >= 2 && found
    })
    expect(lengths.filter((length) => length >= 2_000)).toEqual([])
  })
})
