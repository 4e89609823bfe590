import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'
import { noticeOf } from './support/stub-activities.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())
beforeEach(() => Object.assign(plane.stubs, { notices: [], webhook: [], calls: [] }))

const start = (type: string, workflowId: string, ...args: unknown[]) =>
  plane.client.workflow.start(type, { taskQueue: 'control', workflowId, args })
const check = async (): Promise<unknown> => (await start('checkHeartbeats', 'checkHeartbeats')).result()
const callsOf = (activity: string) => plane.stubs.calls.filter((call) => call.activity === activity)

describe('checkHeartbeats', () => {
  test('where all is well compares and does nothing else', async () => {
    const handle = await start('checkHeartbeats', 'checkHeartbeats')
    expect(await handle.result()).toEqual({ open: 1, notices: 0, told: 0 })
    const { events } = await handle.fetchHistory()
    const scheduled = events?.flatMap((event) => event.activityTaskScheduledEventAttributes ?? [])
    expect(scheduled?.map(({ activityType }) => activityType?.name)).toEqual(['compareHeartbeats'])
    const others = events?.filter((event) => event.timerStartedEventAttributes ?? event.startChildWorkflowExecutionInitiatedEventAttributes) // prettier-ignore
    expect(others).toEqual([])
  })

  test('starts one delivery a notice, however often the notice is due, and outlived by it', async () => {
    plane.stubs.notices = [noticeOf('11'), noticeOf('12')]
    expect(await check()).toEqual({ open: 1, notices: 2, told: 2 })
    await until(async () => callsOf('deliverNotice').length === 2)
    expect(await check()).toEqual({ open: 1, notices: 2, told: 2 })
    expect(await plane.client.workflow.getHandle('feedAlert:11:raised').result()).toEqual({ outcome: 'delivered' })
    const announced = callsOf('announceNotice').map(({ input }) => String(input['alertId']))
    expect(new Set(announced)).toEqual(new Set(['11', '12']))
    expect(announced).toHaveLength(2)
  })
})

describe('notifyFeedAlert', () => {
  test('tries until the webhook takes the notice', async () => {
    plane.stubs.webhook = ['unavailable', 'unavailable']
    const handle = await start('notifyFeedAlert', 'feedAlert:13:recovered', noticeOf('13', 'recovered'))
    expect(await handle.result()).toEqual({ outcome: 'delivered' })
    expect(callsOf('deliverNotice')).toHaveLength(3)
  })

  test('gives up in the end and says so', async () => {
    plane.stubs.webhook = ['never']
    const handle = await start('notifyFeedAlert', 'feedAlert:14:raised', noticeOf('14'))
    expect(await handle.result()).toEqual({ outcome: 'given_up' })
    expect(callsOf('giveUpNotice')).toHaveLength(1)
  })

  test('without a webhook ends when it was logged', async () => {
    const handle = await start('notifyFeedAlert', 'feedAlert:15:raised', { ...noticeOf('15'), kind: 'redis' })
    expect(await handle.result()).toEqual({ outcome: 'logged' })
    expect(callsOf('deliverNotice')).toHaveLength(0)
  })

  test('refuses input that is no notice', async () => {
    const handle = await start('notifyFeedAlert', 'feedAlert:16:raised', { alertId: 16 })
    await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'BadInput' } })
  })
})
