import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControlPlane, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())

const run = (workflowId: string, ...args: unknown[]) =>
  plane.client.workflow.execute('refreshCatalog', { taskQueue: 'control', workflowId, args })

describe('refreshCatalog', () => {
  test('without an input follows the policy and reads the whole catalogue, and tells what both counted', async () => {
    expect(await run('whole')).toMatchObject({
      subscriptions: { wanted: 1, started: 1, isCut: false },
      catalogue: { seen: 2, promised: 2, isCut: false },
    })
  })

  test('with ids asks for them alone, and again for those that the catalogue does not show yet', async () => {
    expect(await run('changed', { markets: ['7', '404'] })).toEqual({
      changes: { refreshed: 2, wanted: 2, started: 2, unknown: [] },
    })
    const asked = plane.stubs.calls.filter(({ activity }) => activity === 'followChanges').map(({ input }) => input)
    expect(asked).toEqual([{ markets: ['7', '404'] }, { markets: ['404'] }, { markets: ['404'] }])
  })

  test.each([[{ markets: [] }], [{ markets: ['slug'] }], [{ markets: '7' }], [{ market: '7' }], ['7']])(
    'fails for good with the input %j',
    async (input) => {
      const failure = run(`bad ${JSON.stringify(input)}`, input)
      await expect(failure).rejects.toMatchObject({ cause: { type: 'BadInput', nonRetryable: true } })
    },
  )
})
