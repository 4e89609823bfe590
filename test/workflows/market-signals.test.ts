import { NativeConnection, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'
import { bundleWorkflows } from './support/temporal.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())

/** A market whose signals were all sent before any worker looked at it. */
const startLate = async (marketId: string, signals: string[]) => {
  const workflowId = `market:${marketId}`
  const handle = await plane.client.workflow.start('marketSubscription', {
    taskQueue: 'late',
    workflowId,
    args: [{ marketId }],
  })
  for (const signal of signals) await handle.signal(signal, 5)
  return handle
}

test('signals that came before the first task are heeded in the order in which they came', async () => {
  const paused = await startLate('1', ['pause', 'resume', 'pause'])
  const active = await startLate('2', ['resume', 'pause', 'setDepth', 'resume'])
  const connection = await NativeConnection.connect({ address: plane.address })
  const { activities } = plane.stubs
  const worker = await Worker.create({
    connection,
    taskQueue: 'late',
    workflowBundle: await bundleWorkflows(),
    activities,
  })
  await worker.runUntil(async () => {
    await until(async () => (await plane.status(paused)).confirmed)
    expect(await plane.status(paused)).toMatchObject({ desired: 'paused', state: 'paused' })
    expect(await plane.status(active)).toMatchObject({ desired: 'active', depth: 5 })
  })
  await connection.close()
})

test('a signal that there is not changes nothing, and the note says which there are', async () => {
  const handle = await plane.startMarket('3')
  await handle.signal('suspend')
  await until(async () => (await plane.status(handle)).note !== '')
  expect(await plane.status(handle)).toMatchObject({
    desired: 'active',
    note: expect.stringMatching(/^the signal suspend was refused: there are pause, resume, stop,/) as string,
  })
})

test('a market that is cancelled before its first desire is answered takes it back all the same', async () => {
  const applied = () => plane.stubs.named('applySubscription', '6').map(({ input }) => input['state'])
  plane.stubs.applyMs = 5_000
  const handle = await plane.startMarket('6')
  await until(async () => applied().length === 1)
  plane.stubs.applyMs = 0
  await handle.cancel()
  await handle.result().catch(() => undefined)
  expect((await handle.describe()).status.name).toBe('CANCELLED')
  expect(applied()).toEqual(['active', 'stopped'])
})

test('reassert is heeded also by a market that was cancelled and waits for its end to be confirmed', async () => {
  const applied = () => plane.stubs.named('applySubscription', '5').map(({ input }) => input['state'])
  const handle = await plane.startMarket('5')
  await until(async () => applied().length === 1)
  plane.stubs.isConfirming = false
  await handle.cancel()
  await until(async () => plane.stubs.named('confirmSubscription', '5').length > 0)
  await handle.signal('reassert')
  await until(async () => applied().length === 3)
  plane.stubs.isConfirming = true
  await handle.result().catch(() => undefined)
  expect((await handle.describe()).status.name).toBe('CANCELLED')
  expect(applied()).toEqual(['active', 'stopped', 'stopped'])
})

test('reassert writes the desire again also while a confirmation is waited for, once for each time', async () => {
  const applied = () => plane.stubs.named('applySubscription', '4').map(({ input }) => input['state'])
  const handle = await plane.startMarket('4')
  plane.stubs.isConfirming = false
  await handle.signal('pause')
  await until(async () => plane.stubs.named('confirmSubscription', '4').length > 0)
  const before = applied().length
  await handle.signal('reassert')
  await until(async () => applied().length > before)
  await handle.signal('reassert')
  await until(async () => applied().length > before + 1)
  plane.stubs.isConfirming = true
  await until(async () => (await plane.stateOf(handle)) === 'paused')
  expect(applied().slice(before)).toEqual(['paused', 'paused'])
})
