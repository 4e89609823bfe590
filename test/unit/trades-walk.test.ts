import { expect, test } from 'vitest'
import type { DataApi, TradePage, TradePlace } from '../../src/domain/data-page.ts'
import { walk, type Step, type Walk } from '../../src/feed/trades/walk.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

const never = new AbortController().signal
const refusal = Object.assign(new Error('status 400'), { retryable: false })
const outage = Object.assign(new Error('status 503'), { retryable: true })
const nameOf = (place: TradePlace): string => (place.type === 'v1' ? `v1 ${place.offset}` : (place.cursor ?? 'begin'))

/** Pages by the name of their place: what comes next, or why there is none. */
const openSource = (pages: Record<string, TradePlace | Error | undefined>) => {
  const asked: string[] = []
  const source: DataApi = {
    begin: () => ({ type: 'v2', cursor: undefined }),
    activity: async () => ({ elements: [], receivedTimeMs: 0, nextOffset: undefined, isCut: false }),
    trades: async ({ place }): Promise<TradePage> => {
      asked.push(nameOf(place))
      const next = pages[nameOf(place)]
      if (next instanceof Error) throw next
      return { elements: [`"${nameOf(place)}"`], receivedTimeMs: 0, next, isCut: false }
    },
  }
  return { asked, source }
}

const stepsOf = async (source: DataApi, given: Partial<Walk> = {}): Promise<Step[]> => {
  const steps: Step[] = []
  const identify = (raw: string) => ({ key: raw, conditionId: undefined, exchangeTimeMs: undefined })
  const deps = { source, identify, log: createLog('feed', 'silent'), stats: createStats() }
  for await (const step of walk({ conditionIds: [], limit: 1, mostPages: 10, ...given }, deps, never)) steps.push(step)
  return steps
}
const v2 = (cursor: string): TradePlace => ({ type: 'v2', cursor })

test('a cursor that is refused makes a walk begin anew by v2 once, and by v1 where it is refused again', async () => {
  const { asked, source } = openSource({ begin: v2('a'), a: v2('b'), b: refusal })
  const steps = await stepsOf(source)
  expect(asked).toEqual(['begin', 'a', 'b', 'begin', 'a', 'b', 'v1 0'])
  expect(steps.at(-1)).toMatchObject({ next: undefined, isCut: false })
})

test('a walk that is gone on with remembers that its cursor was refused before', async () => {
  const { asked, source } = openSource({ begin: v2('a'), a: refusal, b: refusal })
  const steps = await stepsOf(source, { from: { place: v2('b'), carry: {}, pages: 4, isAnew: false }, isPatient: true })
  expect(asked).toEqual(['b', 'begin', 'a', 'v1 0'])
  expect(steps[0]?.next).toEqual({ place: v2('a'), carry: expect.anything(), pages: 5, isAnew: true })
})

test('where v2 is away or refuses its first page, v1 goes on at once; a patient walk that has begun throws', async () => {
  for (const error of [refusal, outage]) {
    const { asked, source } = openSource({ begin: error })
    await stepsOf(source, { isPatient: true })
    expect(asked).toEqual(['begin', 'v1 0'])
  }
  const { source } = openSource({ begin: v2('a'), a: outage })
  await expect(stepsOf(source, { isPatient: true })).rejects.toBe(outage)
})

test('a list that names the page it is on as the next one ends as cut', async () => {
  const { asked, source } = openSource({ begin: v2('a'), a: v2('a') })
  expect((await stepsOf(source)).at(-1)).toMatchObject({ next: undefined, isCut: true })
  expect(asked).toEqual(['begin', 'a'])
})

test('a list without an end is cut after the most pages, those before a place included', async () => {
  const { asked, source } = openSource({ begin: v2('a'), a: v2('b'), b: v2('a') })
  const steps = await stepsOf(source, { from: { place: v2('a'), carry: {}, pages: 7, isAnew: false } })
  expect(asked).toEqual(['a', 'b', 'a'])
  expect(steps.at(-1)).toMatchObject({ next: undefined, isCut: true })
})
