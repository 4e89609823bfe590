import type { WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { MarketStatus } from '../../src/workflows/market-contract.ts'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
}, 60_000)
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
    const startedTimeMs = Date.now()
    for (const _ of [1, 2]) {
      const answer = await handle.executeUpdate<MarketStatus, [object]>('setState', { args: [{ state: 'active' }] })
      expect(answer).toMatchObject(held)
    }
    expect(Date.now() - startedTimeMs).toBeLessThan(5_000)
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
