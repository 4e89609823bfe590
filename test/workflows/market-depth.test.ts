import { WorkflowFailedError } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControlPlane, until, untilIdle, type ControlPlane } from './support/control-plane.ts'
import { DEFAULT_DEPTH } from './support/stub-activities.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())

const depths = (marketId: string): unknown[] =>
  plane.stubs.named('applySubscription', marketId).map((call) => call.input['depth'])

const observed = (marketId: string, depth: number) => ({
  marketId,
  state: 'live',
  depth,
  sequence: 4,
  atTimeMs: Date.now(),
  feedEpoch: 'e',
})

describe('the depth of a market', () => {
  test('is written for the feed once for each new one, and is called applied when the normalizer keeps it', async () => {
    const handle = await plane.startMarket('14')
    await until(async () => (await plane.status(handle)).depth === DEFAULT_DEPTH)
    // One that is superseded while it is recorded is recorded again.
    await until(async () => plane.stubs.named('recordOverride', '14').length > 0)
    await untilIdle(handle)
    for (const levels of [5, 5, -1, 6]) await handle.signal('setDepth', levels)
    await until(async () => depths('14').at(-1) === 6)
    expect(depths('14')[0]).toBeUndefined()
    expect(
      depths('14')
        .slice(1)
        .every((depth) => depth === 5 || depth === 6),
    ).toBe(true)
    expect(depths('14').length).toBeLessThanOrEqual(3)
    expect(plane.stubs.named('recordOverride', '14')).toHaveLength(1)
    expect(await plane.status(handle)).toMatchObject({ depth: 6, depthApplied: false, note: '' })
    await handle.signal('observed', observed('14', 6))
    expect(await plane.status(handle)).toMatchObject({ depth: 6, depthApplied: true })
  })

  test('leaves a paused market confirmed as paused when it changes', async () => {
    const handle = await plane.startMarket('20', { depth: 3 })
    await handle.signal('pause')
    await until(async () => (await plane.stateOf(handle)) === 'paused')
    await handle.signal('setDepth', 9)
    await until(async () => depths('20').at(-1) === 9)
    expect(await plane.status(handle)).toMatchObject({ state: 'paused', confirmed: true, depth: 9 })
    expect(plane.stubs.named('confirmSubscription', '20')).toHaveLength(1)
  })

  test('does not supersede a setState that waits', async () => {
    const handle = await plane.startMarket('21')
    plane.stubs.isConfirming = false
    const answer = handle.executeUpdate('setState', { args: [{ state: 'paused' }] })
    await until(async () => plane.stubs.named('confirmSubscription', '21').length > 0)
    await handle.signal('setDepth', 4)
    await until(async () => depths('21').at(-1) === 4)
    plane.stubs.isConfirming = true
    expect(await answer).toMatchObject({ state: 'paused', confirmed: true, depth: 4 })
  })

  test('refuses the start where it is none', async () => {
    for (const depth of [-1, 1.5, 'five']) {
      const handle = await plane.startMarket('22', { depth })
      const error: unknown = await handle.result().catch((failure: unknown) => failure)
      expect(error instanceof WorkflowFailedError && error.cause).toMatchObject({ type: 'BadInput' })
      expect(error instanceof WorkflowFailedError && error.cause?.message).toContain('depth')
    }
  })
})
