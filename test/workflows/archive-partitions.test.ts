import { ScheduleOverlapPolicy, type WorkflowHandle } from '@temporalio/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ArchiveStep } from '../../src/activities/archive.ts'
import { deploySchedules } from '../../src/workers/schedules.ts'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
}, 60_000)
afterAll(() => plane[Symbol.asyncDispose]())
beforeEach(() => {
  plane.stubs.calls.length = 0
  Object.assign(plane.stubs.archive, { plans: [], verdicts: [], drops: [] })
})

const step = (type: ArchiveStep['type'], day: string, part = 0): ArchiveStep => ({
  type,
  table: 'order_books',
  day,
  part,
})
const differs = { type: 'differs', detail: 'rows: 2 in Postgres, 1 in the object' } as const

const start = (type: string, input?: object): Promise<WorkflowHandle> =>
  plane.client.workflow.start(type, {
    taskQueue: 'control',
    workflowId: type,
    args: input === undefined ? [] : [input],
  })

/** What was asked of the archive, in order, as `dropPart 2026-10-01`. */
const asked = (): string[] => {
  const dayOf = (input: Record<string, unknown>): unknown =>
    'name' in input ? dayOf({ ...Object(input['name']) }) : input['day']
  const ours = ['sealRows', 'writePart', 'provePart', 'dropPart', 'raiseArchiveAlert']
  return plane.stubs.calls
    .filter(({ activity }) => ours.includes(activity))
    .map(({ activity, input }) => `${activity} ${String(dayOf(input))}`)
}

describe('archivePartitions', () => {
  test('seals a day before it is read, proves it before it is dropped, and asks what is left until nothing is', async () => {
    plane.stubs.archive.plans = [[step('write', '2026-10-01')], [step('drop', '2026-10-01')]]
    const { done } = (await (await start('archivePartitions')).result()) as { done: object[] }
    expect(done).toHaveLength(2)
    expect(asked()).toEqual(
      ['sealRows', 'writePart', 'provePart', 'dropPart'].map((activity) => `${activity} 2026-10-01`),
    )
    const writes = plane.stubs.calls.filter(({ activity }) => activity === 'writePart')
    expect(writes[0]?.input).toMatchObject({ sealedAt: '2026-11-26 18:00:00+00', isAnew: false })
  })

  test('writes anew, once, what differs from Postgres', async () => {
    plane.stubs.archive.plans = [[step('write', '2026-10-01')]]
    plane.stubs.archive.verdicts = [differs]
    await (await start('archivePartitions')).result()
    expect(asked()).toEqual(
      ['sealRows', 'writePart', 'provePart', 'writePart', 'provePart'].map((activity) => `${activity} 2026-10-01`),
    )
    const writes = plane.stubs.calls.filter(({ activity }) => activity === 'writePart')
    expect(writes.map(({ input }) => input['isAnew'])).toEqual([false, true])
  })

  test('writes and proves anew an object that is found to be another before its rows are dropped, which a later run does', async () => {
    plane.stubs.archive.plans = [[step('drop', '2026-10-01')], [step('drop', '2026-10-01')]]
    plane.stubs.archive.drops = [{ type: 'forgotten', detail: 'SHA-256 of part-0.parquet' }]
    const result: unknown = await (await start('archivePartitions')).result()
    expect(result).toEqual({ done: [step('write', '2026-10-01')] })
    expect(asked()).toEqual(
      ['dropPart', 'sealRows', 'writePart', 'provePart'].map((activity) => `${activity} 2026-10-01`),
    )
  })

  test('alerts of a day that differs still, does the others, drops nothing of it and fails', async () => {
    plane.stubs.archive.plans = [[step('write', '2026-10-01'), step('drop', '2026-09-30'), step('write', '2026-10-02')]]
    plane.stubs.archive.verdicts = [differs, differs]
    const handle = await start('archivePartitions')
    await expect(handle.result()).rejects.toMatchObject({
      cause: { type: 'ArchiveFailed', message: expect.stringContaining('2026-10-01 0: rows: 2 in Postgres') },
    })
    expect(asked().slice(5)).toEqual([
      'raiseArchiveAlert 2026-10-01',
      'dropPart 2026-09-30',
      'sealRows 2026-10-02',
      'writePart 2026-10-02',
      'provePart 2026-10-02',
    ])
  })

  test('does not try a step twice in one run that stays to be done', async () => {
    const same = step('write', '2026-10-01')
    plane.stubs.archive.plans = [[same], [same], [same]]
    await (await start('archivePartitions')).result()
    expect(asked()).toHaveLength(3)
  })

  test('refuses an input that names no day', async () => {
    await expect((await start('archivePartitions', { day: '2026-02-30' })).result()).rejects.toMatchObject({
      cause: { type: 'BadInput' },
    })
  })
})

describe('schedule archivePartitions', () => {
  const plans = () => plane.stubs.calls.filter(({ activity }) => activity === 'planArchive')

  test('a backfill archives up to the day that its nominal time names, a trigger up to that of the present', async () => {
    await deploySchedules(plane.client)
    const schedule = plane.client.schedule.getHandle('archivePartitions')
    const overlap = ScheduleOverlapPolicy.ALLOW_ALL
    await schedule.backfill({ start: new Date('2026-10-31T00:00Z'), end: new Date('2026-11-01T00:00Z'), overlap })
    await until(async () => plans().length === 1)
    expect(plans()[0]?.input['at']).toBe('2026-10-31T02:40:00.000Z')
    const beforeMs = Date.now()
    await schedule.trigger()
    await until(async () => plans().length > 1)
    expect(Date.parse(String(plans()[1]?.input['at']))).toBeGreaterThan(beforeMs - 60_000)
  })

  test('pauses on a failure, and forgets no day however long Temporal was down', async () => {
    await deploySchedules(plane.client)
    const { policies } = await plane.client.schedule.getHandle('archivePartitions').describe()
    expect(policies).toMatchObject({ pauseOnFailure: true, catchupWindow: 365 * 86_400_000 })
  })
})

test('restorePartition asks for the day it names and says what came back', async () => {
  const handle = await start('restorePartition', { day: '2026-10-01' })
  expect(await handle.result()).toEqual({ rows: 5, parts: 2 })
  const restores = plane.stubs.calls.filter(({ activity }) => activity === 'restoreDay')
  expect(restores.map(({ input }) => input)).toEqual([{ table: 'order_books', day: '2026-10-01' }])
})
