import type { WorkflowHandle } from '@temporalio/client'
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
const observation = (marketId: string, state: string) => ({
  marketId,
  state,
  sequence: 4,
  atTimeMs: Date.now(),
  feedEpoch: '1795-ab',
})
const untilState = (handle: WorkflowHandle, state: string): Promise<true> =>
  until(async () => (await plane.stateOf(handle)) === state)

describe('while everything is paused', () => {
  const held = { state: 'paused', desired: 'active', confirmed: false, note: 'held: everything is paused' }
  const startPaused = async (marketId: string): Promise<WorkflowHandle> => {
    const handle = await plane.startMarket(marketId)
    await handle.signal('pause')
    await untilState(handle, 'paused')
    await handle.signal('observed', observation(marketId, 'paused'))
    return handle
  }

  test('setState active answers at once that the market is held, and again each time that it is asked', async () => {
    const handle = await startPaused('1')
    plane.stubs.isHolding = true
    // Had it waited for a confirmation, it would have failed as unconfirmed.
    for (const _ of [1, 2]) {
      const answer = await handle.executeUpdate<MarketStatus, [object]>('setState', { args: [{ state: 'active' }] })
      expect(answer).toMatchObject(held)
    }
    expect(await plane.stateOf(handle)).toBe('paused')
    expect(called('confirmSubscription', '1')).toEqual(['paused', 'active', 'active'])
    plane.stubs.isHolding = false
    await handle.signal('observed', observation('1', 'starting'))
    await until(async () => (await plane.status(handle)).confirmed)
    await handle.signal('observed', observation('1', 'live'))
    await untilState(handle, 'live')
    expect(await plane.status(handle)).toMatchObject({ state: 'live', confirmed: true, note: '' })
  })

  test('a market that is resumed shows as paused until it is observed to go on', async () => {
    const handle = await startPaused('2')
    plane.stubs.isHolding = true
    await handle.signal('resume')
    await until(async () => (await plane.status(handle)).note !== '')
    expect(await plane.status(handle)).toMatchObject(held)
    await until(async () => called('recordOverride', '2').at(-1) === 'active')
    expect(await plane.stateOf(handle)).toBe('paused')
    await handle.signal('reassert')
    await until(async () => called('confirmSubscription', '2').length === 3)
    plane.stubs.isHolding = false
    await handle.signal('observed', observation('2', 'live'))
    await untilState(handle, 'live')
    expect(await plane.status(handle)).toMatchObject({ state: 'live', confirmed: true, note: '' })
  })
})

describe('while the catalogue does not answer', () => {
  test('a market is stopped at once, without a subscription, and discovery is told', async () => {
    plane.stubs.isCatalogueAway = true
    const handle = await plane.startMarket('10')
    await until(async () => called('loadMarket', '10').length > 0)
    await handle.signal('stop')
    expect(await handle.result()).toMatchObject({ state: 'stopped', confirmed: true })
    expect(await plane.stateOf(handle)).toBe('stopped')
    expect(plane.stubs.named('recordOverride', '10').map(({ input }) => input)).toEqual([
      { marketId: '10', state: 'stopped', isPublished: false },
    ])
    for (const activity of ['applySubscription', 'confirmSubscription', 'forgetSubscription']) {
      expect(called(activity, '10')).toEqual([])
    }
  })

  test('setState stopped is answered; a pause and a resume count when it answers again', async () => {
    plane.stubs.isCatalogueAway = true
    const stopped = await plane.startMarket('11')
    const answer = await stopped.executeUpdate('setState', { args: [{ state: 'stopped' }] })
    expect(answer).toMatchObject({ state: 'stopped', confirmed: true })
    await stopped.result()
    const paused = await plane.startMarket('12')
    for (const signal of ['pause', 'resume', 'pause']) await paused.signal(signal)
    await until(async () => called('loadMarket', '12').length > 1)
    expect(called('applySubscription', '12')).toEqual([])
    plane.stubs.isCatalogueAway = false
    await untilState(paused, 'paused')
    expect(called('applySubscription', '12')).toEqual(['paused'])
  })
})

test('a stop ends a market whose row never came, and says that discovery may start it again', async () => {
  const handle = await plane.startMarket('20')
  await until(async () => called('recordOverride', '20').length === 1)
  plane.stubs.isRowMissing = true
  await handle.signal('stop')
  const note = expect.stringMatching(/not remembered.*discovery may start it again/) as string
  expect(await handle.result()).toMatchObject({ state: 'stopped', confirmed: true, note })
  plane.stubs.isRowMissing = false
  expect(called('forgetSubscription', '20')).toHaveLength(1)
})
