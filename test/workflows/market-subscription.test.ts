import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControlPlane, until, type ControlPlane } from './support/control-plane.ts'

let plane: ControlPlane
beforeAll(async () => {
  plane = await openControlPlane()
})
afterAll(() => plane[Symbol.asyncDispose]())

const applied = (marketId: string): unknown[] =>
  plane.stubs.named('applySubscription', marketId).map((call) => call.input['state'])

const causeOf = async (result: Promise<unknown>): Promise<{ message: string; type: string | undefined }> => {
  const error = await result.then(
    () => new Error('it did not fail'),
    (failure: unknown) => failure,
  )
  const isFailure = error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError
  const cause = isFailure ? error.cause : error
  const type = cause instanceof Error && 'type' in cause ? String(cause.type) : undefined
  return { message: cause instanceof Error ? cause.message : String(cause), type }
}

const observation = (marketId: string, state: string) => ({
  marketId,
  state,
  sequence: 4,
  atTimeMs: Date.now(),
  feedEpoch: 'e',
})

describe('a market workflow', () => {
  test('applies what is desired at its start and shows its market', async () => {
    const handle = await plane.startMarket('1')
    const status = await until(async () => {
      const found = await plane.status(handle)
      return found.feedGroup === 3 && found
    })
    expect(status).toMatchObject({ state: 'starting', desired: 'active', slug: 'slug-1', question: 'Question 1?' })
    expect(applied('1')).toEqual(['active'])
    const { typedSearchAttributes } = await handle.describe()
    const shown = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value])
    expect(Object.fromEntries(shown)).toMatchObject({ MarketState: 'starting', MarketSlug: 'slug-1', FeedGroup: '3' })
  })

  test('has nothing left to do at its start when discovery has written its desire', async () => {
    const marketId = '19'
    const market = { marketId, conditionId: '0x01', slug: 'nineteen', question: 'Nineteen?', tokens: ['191', '192'] }
    const enrolled = { group: 2, generation: 1_795_000_000_000, observed: observation(marketId, 'live') }
    const handle = await plane.startMarket(marketId, { origin: 'policy', market, enrolled })
    expect(await plane.status(handle)).toMatchObject({ state: 'live', feedGroup: 2, generation: enrolled.generation })
    expect(plane.stubs.calls.filter(({ input }) => input['marketId'] === marketId)).toEqual([])
    await handle.signal('pause')
    await until(async () => (await plane.stateOf(handle)) === 'paused')
    expect(applied(marketId)).toEqual(['paused'])
  })

  test('is paused and resumed by signal, with a higher generation each time', async () => {
    const handle = await plane.startMarket('2')
    await handle.signal('pause')
    await until(async () => (await plane.stateOf(handle)) === 'paused')
    await handle.signal('resume')
    await until(async () => (await plane.stateOf(handle)) === 'starting')
    await until(async () => applied('2').at(-1) === 'active' && applied('2').includes('paused'))
    expect(applied('2').slice(-2)).toEqual(['paused', 'active'])
    const generations = plane.stubs.named('applySubscription', '2').map((call) => Number(call.input['generation']))
    expect(generations.toSorted((left, right) => left - right)).toEqual(generations)
    expect(new Set(generations).size).toBe(generations.length)
  })

  test('collapses quick signals into the last desire', async () => {
    const handle = await plane.startMarket('3')
    await until(async () => applied('3').length === 1)
    plane.stubs.applyMs = 400
    for (const name of ['pause', 'resume', 'pause', 'resume', 'pause']) await handle.signal(name)
    await until(async () => {
      const { confirmed, desired } = await plane.status(handle)
      return confirmed && desired === 'paused'
    })
    plane.stubs.applyMs = 0
    expect(applied('3').at(-1)).toBe('paused')
    expect(applied('3').length).toBeLessThanOrEqual(6)
  })

  test('answers setState only when the venue has confirmed it', async () => {
    const handle = await plane.startMarket('4')
    plane.stubs.isConfirming = false
    const answer = handle.executeUpdate('setState', { args: [{ state: 'paused' }] })
    await until(async () => plane.stubs.named('confirmSubscription', '4').length > 0)
    expect(await plane.stateOf(handle)).toBe('starting')
    plane.stubs.isConfirming = true
    expect(await answer).toMatchObject({ state: 'paused', desired: 'paused', confirmed: true })
    expect(await plane.stateOf(handle)).toBe('paused')
  })

  test('fails setState as unconfirmed after 10 s and goes on trying', async () => {
    const handle = await plane.startMarket('5')
    plane.stubs.isConfirming = false
    const startedTimeMs = Date.now()
    const failure = await causeOf(handle.executeUpdate('setState', { args: [{ state: 'paused' }] }))
    expect(failure.type).toBe('Unconfirmed')
    expect(Date.now() - startedTimeMs).toBeGreaterThan(9_000)
    plane.stubs.isConfirming = true
    await until(async () => (await plane.stateOf(handle)) === 'paused')
  })

  test.each([
    [{ state: 'resolved' }],
    [{ state: 'PAUSED' }],
    [{}],
    ['paused'],
    [{ state: 'paused', force: true }],
    [undefined],
  ])('refuses setState %j and keeps its state', async (input) => {
    const marketId = '6'
    const handle = await plane.startMarket(marketId).catch(() => plane.client.workflow.getHandle('market:6'))
    const failure = await causeOf(handle.executeUpdate('setState', { args: [input] }))
    expect(failure.message).toContain('expected {"state":"active"|"paused"|"stopped"}')
    expect(await plane.status(handle)).toMatchObject({ desired: 'active' })
  })

  test('fails for good when the venue does not know the market', async () => {
    const handle = await plane.startMarket('404')
    expect(await causeOf(handle.result())).toEqual({ message: 'market 404 is unknown', type: 'UnknownMarket' })
    expect(plane.stubs.named('loadMarket', '404'), 'asked once').toHaveLength(1)
  })

  test.each([
    ['an unknown key', { marketId: '7', colour: 'red' }, 'colour'],
    ['a number as id', { marketId: 7 }, 'marketId'],
    ['a slug as id', { marketId: 'will-it-rain' }, 'numeric market id'],
    ['a negative depth', { marketId: '7', depth: -1 }, 'depth'],
    ['no input', undefined, 'input does not fit'],
    ['the id of another market', { marketId: '8' }, 'workflow id must be market:8, got market:7'],
  ])('refuses %s at its start', async (_, input, message) => {
    const handle = await plane.client.workflow.start('marketSubscription', {
      taskQueue: 'control',
      workflowId: 'market:7',
      args: [input],
    })
    const failure = await causeOf(handle.result())
    expect(failure.message).toContain(message)
    expect(failure.type).toBe('BadInput')
  })

  test('unsubscribes, remembers it and completes on stop', async () => {
    const handle = await plane.startMarket('9')
    await until(async () => applied('9').length === 1)
    await handle.signal('stop')
    expect(await handle.result()).toMatchObject({ state: 'stopped', confirmed: true })
    expect(await plane.stateOf(handle)).toBe('stopped')
    expect(applied('9')).toEqual(['active', 'stopped'])
    expect(plane.stubs.named('recordOverride', '9').at(-1)?.input['state']).toBe('stopped')
    expect(plane.stubs.named('forgetSubscription', '9')).toHaveLength(1)
  })

  test('answers setState stopped before it completes', async () => {
    const handle = await plane.startMarket('10')
    const answer = await handle.executeUpdate('setState', { args: [{ state: 'stopped' }] })
    expect(answer).toMatchObject({ state: 'stopped', confirmed: true })
    await handle.result()
  })

  test('unsubscribes but remembers nothing when it is cancelled', async () => {
    const handle = await plane.startMarket('11', { origin: 'policy' })
    await until(async () => applied('11').length === 1)
    await handle.cancel()
    await causeOf(handle.result())
    expect((await handle.describe()).status.name).toBe('CANCELLED')
    expect(applied('11')).toEqual(['active', 'stopped'])
    expect(plane.stubs.named('recordOverride', '11')).toEqual([])
    expect(await plane.stateOf(handle)).toBe('stopped')
  })

  test('shows what was observed, and upserts search attributes only on a change', async () => {
    const handle = await plane.startMarket('12')
    await until(async () => applied('12').length === 1)
    for (let at = 0; at < 5; at++) await handle.signal('observed', observation('12', 'live'))
    await until(async () => (await plane.stateOf(handle)) === 'live')
    const { events } = await handle.fetchHistory()
    const upserts = events?.filter((event) => Boolean(event.upsertWorkflowSearchAttributesEventAttributes)) ?? []
    expect(upserts.length).toBeLessThanOrEqual(4)
    expect(await plane.status(handle)).toMatchObject({ observed: 'live', sequence: 4, confirmed: true })
  })

  test.each([[-1], ['five'], [1.5], [null], [{ levels: 3 }]])(
    'keeps its depth when setDepth gets %j',
    async (levels) => {
      const handle = await plane
        .startMarket('13', { depth: 2 })
        .catch(() => plane.client.workflow.getHandle('market:13'))
      await handle.signal('setDepth', levels)
      const { depth, note } = await plane.status(handle)
      expect(depth).toBe(2)
      expect(note).toContain('setDepth was refused: expected an integer of at least 0')
    },
  )

  test('takes a depth', async () => {
    const handle = await plane.startMarket('14')
    await handle.signal('setDepth', 5)
    expect(await plane.status(handle)).toMatchObject({ depth: 5, note: '' })
  })

  test('writes its desire again when it is asked to', async () => {
    const handle = await plane.startMarket('15', { depth: 2 })
    await until(async () => applied('15').length === 1)
    await handle.signal('reassert')
    await until(async () => applied('15').length === 2)
    const [first, second] = plane.stubs.named('applySubscription', '15')
    expect(second?.input).toEqual(first?.input)
  })

  test('tells live figures on inspect', async () => {
    const handle = await plane.startMarket('16')
    const answer = await handle.executeUpdate('inspect')
    expect(answer).toMatchObject({
      marketId: '16',
      figures: { quote: { state: 'live' }, stream: { waitingEntries: 7 } },
    })
  })

  test('describes every signal, query and update, and its state in a table', async () => {
    const handle = await plane.startMarket('17')
    type Named = { name?: string; description?: string }
    type Metadata = { definition: Record<string, Named[]>; currentDetails: string }
    const found = await handle.query<Metadata>('__temporal_workflow_metadata')
    const { signalDefinitions = [], queryDefinitions = [], updateDefinitions = [] } = found.definition
    const ours = [...signalDefinitions, ...queryDefinitions, ...updateDefinitions].filter(
      ({ name }) => name !== undefined && !name.startsWith('__'),
    )
    expect(new Set(ours.map(({ name }) => name))).toEqual(
      new Set([
        'feedAlert',
        'inspect',
        'observed',
        'pause',
        'reassert',
        'resume',
        'setDepth',
        'setState',
        'status',
        'stop',
      ]),
    )
    expect(ours.filter(({ description }) => description === undefined || description === '')).toEqual([])
    expect(found.currentDetails).toContain('| state | **starting** |')
  })
})
