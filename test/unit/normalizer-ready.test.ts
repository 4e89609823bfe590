import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createReady } from '../../src/activities/normalizer-ready.ts'

const START_MS = 1_790_000_000_000

beforeEach(() => void vi.useFakeTimers({ now: START_MS, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

const openReady = () => {
  const answers: (string[] | Error)[] = []
  const answer = async (): Promise<string[]> => {
    const next = answers.shift() ?? []
    if (next instanceof Error) throw next
    return next
  }
  return { answers, ready: createReady({ popReady: answer, waitReady: answer }) }
}

test('an answer that was asked for ahead is taken once, and is as old as the question', async () => {
  const { answers, ready } = openReady()
  answers.push(['a'], ['b'])
  ready.askAhead()
  ready.askAhead()
  vi.setSystemTime(START_MS + 500)
  expect(await ready.take(true)).toEqual(['a'])
  expect(ready.wholeUntilMs).toBe(START_MS)
  expect(await ready.take(false)).toEqual(['b'])
  expect(ready.wholeUntilMs).toBe(START_MS + 500)
})

test('names that were asked for ahead are known until they are taken, and say nothing of the time before', async () => {
  const { answers, ready } = openReady()
  answers.push(['a'])
  ready.askAhead()
  await vi.waitFor(() => expect(ready.named).toEqual(['a']))
  expect(ready.wholeUntilMs).toBeUndefined()
  await ready.take(false)
  expect(ready.named).toEqual([])
})

test('one that failed is told by who takes it, and nothing is whole until all streams were named', async () => {
  const { answers, ready } = openReady()
  answers.push(new Error('ECONNRESET'))
  ready.askAhead()
  await expect(ready.take(false)).rejects.toThrow('ECONNRESET')
  await ready.take(false)
  expect(ready.wholeUntilMs).toBeUndefined()
  ready.foundAll(ready.lostCount)
  expect(ready.wholeUntilMs).toBe(START_MS)
})
