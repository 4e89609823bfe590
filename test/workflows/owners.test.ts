import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())
beforeEach(() => Object.assign(plane.stubs.runs, { count: 0, drained: 0, isReturning: false }))

const start = (type: string, workflowId: string, input: unknown) =>
  plane.client.workflow.start(type, { taskQueue: 'control', workflowId, args: [input] })

describe.each([
  ['feed', 'feed:0:b', { group: 0, replica: 'b' }, 'feed-b'],
  ['normalizer', 'normalizer:4', { shard: 4 }, 'normalizer'],
  ['trades', 'trades:0', {}, 'feed-a'],
])('workflow %s', (type, workflowId, input, taskQueue) => {
  test('runs its activity on the queue of its role, once', async () => {
    const handle = await start(type, workflowId, input)
    await until(async () => plane.stubs.runs.count === 1)
    const { pendingActivities = [] } = (await handle.describe()).raw
    expect(pendingActivities).toHaveLength(1)
    const { events } = await handle.fetchHistory()
    const scheduled = events?.map((event) => event.activityTaskScheduledEventAttributes).find(Boolean)
    expect(scheduled?.taskQueue?.name).toBe(taskQueue)
    await handle.cancel()
    await handle.result().catch(() => undefined)
  })

  test('starts an activity again that returned by itself', async () => {
    const handle = await start(type, workflowId, input)
    await until(async () => plane.stubs.runs.count === 1)
    plane.stubs.runs.isReturning = true
    await until(async () => plane.stubs.runs.count === 2)
    await handle.cancel()
    await handle.result().catch(() => undefined)
  })

  test('lets its activity flush and return before a cancellation ends it', async () => {
    const handle = await start(type, workflowId, input)
    await until(async () => plane.stubs.runs.count === 1)
    await handle.cancel()
    await handle.result().catch(() => undefined)
    expect(plane.stubs.runs.drained).toBeGreaterThan(0)
    expect((await handle.describe()).status.name).toBe('CANCELLED')
  })

  test('refuses input that does not fit', async () => {
    const handle = await start(type, workflowId, { ...input, extra: 1 })
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'BadInput' } })
  })
})

test('maintainPartitions makes the partitions of the coming days and deletes what is too old', async () => {
  const handle = await start('maintainPartitions', 'maintainPartitions', undefined)
  const made = ['order_books_0', 'order_books_1', 'order_books_2']
  expect(await handle.result()).toEqual({ made, expired: { dead_letters: 3 } })
})

test('refreshCatalog follows the policy and counts what it saw', async () => {
  const handle = await start('refreshCatalog', 'refreshCatalog', undefined)
  expect(await handle.result()).toMatchObject({ subscriptions: { started: 1 }, catalogue: { seen: 2, changed: 1 } })
})

describe('setEverything', () => {
  test('turns the switch and answers once the feeds have confirmed it', async () => {
    const handle = await start('setEverything', 'everything', { state: 'paused' })
    expect(await handle.result()).toEqual({ state: 'paused', feeds: 2, markets: 200, tokens: 400, effectiveMs: 80 })
  })

  test.each([{ state: 'stopped' }, {}, { state: 'paused', markets: ['1'] }, 'paused'])('refuses %j', async (input) => {
    const handle = await start('setEverything', 'everything', input)
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'BadInput' } })
  })

  test('says why where a feed does not confirm', async () => {
    plane.stubs.isConfirming = false
    const handle = await start('setEverything', 'everything', { state: 'active' })
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'Unconfirmed' } })
    plane.stubs.isConfirming = true
  })
})
