import { expect, test } from 'vitest'
import type { DataApi, TradePlace } from '../../src/domain/data-page.ts'
import type { Frame } from '../../src/domain/frame.ts'
import { pollerHeartbeat } from '../../src/feed/trades/heartbeat.ts'
import { createKnown } from '../../src/feed/trades/known.ts'
import { createRounds } from '../../src/feed/trades/rounds.ts'
import { createTradePolls } from '../../src/feed/trades/trade-polls.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

const log = createLog('feed', 'silent')
const never = new AbortController().signal
const MINUTE_MS = 60_000

/** A list of fills `<n>`, one a second, of which the newest come first; each page of 10 but for those that fail. */
const openList = () => {
  const state = { nowMs: 1_800_000_000_000, fills: [] as { n: number; timeMs: number }[], asked: 0, failing: 0 }
  const source: DataApi = {
    begin: (): TradePlace => ({ type: 'v1', offset: 0 }),
    activity: async () => ({ elements: [], receivedTimeMs: 0, nextOffset: undefined, isCut: false }),
    trades: async ({ place }) => {
      state.asked++
      const offset = place.type === 'v1' ? place.offset : 0
      if (offset > 0 && state.failing > 0 && state.failing-- > 0) throw new Error('away')
      const page = state.fills.toReversed().slice(offset, offset + 10)
      const next = page.length < 10 ? undefined : ({ type: 'v1', offset: offset + 10 } as const)
      return { elements: page.map(({ n }) => String(n)), receivedTimeMs: state.nowMs, next, isCut: false }
    },
  }
  const add = (count: number): void => {
    for (let at = 0; at < count; at++) state.fills.push({ n: state.fills.length, timeMs: (state.nowMs += 1_000) })
  }
  const timeOf = (raw: string): number | undefined => state.fills[Number(raw)]?.timeMs
  return { state, source, add, timeOf }
}

const openPolls = (list: ReturnType<typeof openList>, coveredTimeMs?: number) => {
  const put: Frame[] = []
  const covered: number[] = []
  const stats = createStats()
  const state = { elapsedMs: 0 }
  const poll = createTradePolls({
    source: list.source,
    identify: (raw) => ({ key: raw, conditionId: 'c', exchangeTimeMs: list.timeOf(raw) }),
    known: createKnown(10_000),
    outlet: { put: async (frames) => void put.push(...frames) },
    coverage: { read: async () => coveredTimeMs, write: async (timeMs) => void covered.push(timeMs) },
    readRecorded: async () => new Set(['c']),
    sweepEveryMs: 30 * MINUTE_MS,
    lateMs: MINUTE_MS,
    now: () => list.state.nowMs,
    elapsedMs: () => state.elapsedMs,
    log,
    stats,
  })
  const numbers = (): number[] => put.map(({ text }) => Number(/"raw":(\d+)/.exec(text)?.[1])).toSorted((a, b) => a - b)
  return { poll: () => poll(never), numbers, covered, stats, state }
}
const upTo = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at)

test('a poll reads one page beyond what is new', async () => {
  const list = openList()
  list.add(200)
  const polls = openPolls(list)
  await polls.poll()
  list.add(15)
  list.state.asked = 0
  await polls.poll()
  expect(list.state.asked).toBe(3)
  expect(polls.numbers().slice(-15)).toEqual(upTo(200, 15))
})

test('after a scan that failed half-way the next one does not stop at what the first pages brought', async () => {
  const list = openList()
  list.add(30)
  const polls = openPolls(list)
  await polls.poll()
  list.add(600)
  list.state.failing = 1
  await expect(polls.poll()).rejects.toThrow('away')
  await polls.poll()
  expect(polls.numbers()).toEqual(upTo(0, 630))
  expect(polls.covered).toHaveLength(2)
})

test('the first scan goes back to where an earlier process came, and some more', async () => {
  const list = openList()
  list.add(100)
  const coveredTimeMs = list.state.nowMs
  list.add(1_000)
  const polls = openPolls(list, coveredTimeMs)
  await polls.poll()
  const [oldest = 0] = polls.numbers()
  expect(oldest).toBeLessThanOrEqual(40)
  expect(polls.numbers()).toEqual(upTo(oldest, 1_100 - oldest))
})

test('after more than an hour the rest is left to a backfill, and counted once however often it failed before', async () => {
  const list = openList()
  const coveredTimeMs = list.state.nowMs
  list.add(5_000)
  const polls = openPolls(list, coveredTimeMs)
  list.state.failing = 2
  for (let attempt = 0; attempt < 2; attempt++) await expect(polls.poll()).rejects.toThrow('away')
  await polls.poll()
  const [oldest = 0] = polls.numbers()
  expect(oldest).toBeGreaterThan(1_300)
  expect(oldest).toBeLessThan(1_400)
  expect(polls.stats.read()).toMatchObject({ dataCatchUpsCut: 1 })
})

test('rounds that fail are counted and are trouble for as long as none succeeds', async () => {
  const ended = new AbortController()
  const stats = createStats()
  let rounds = 0
  const round = async (): Promise<void> => {
    rounds++
    if (rounds === 4) ended.abort()
    if (rounds < 4) throw new Error('status 503')
  }
  let elapsedMs = 0
  const polled = createRounds({ what: 'trades', everyMs: 1, round, log, stats, elapsedMs: () => elapsedMs })
  elapsedMs = 10_000
  expect(pollerHeartbeat(polled, 1_000).trouble).toBeUndefined()
  elapsedMs = 60_000
  const { trouble: slow } = pollerHeartbeat(polled, 1_000)
  expect(slow?.detail).toContain('one is under way: the Data API is slow, or Redis does not take')
  const running = polled.run(ended.signal)
  await new Promise((resolve) => setImmediate(resolve))
  const { trouble } = pollerHeartbeat(polled, 1_000)
  expect(trouble).toMatchObject({ reason: 'no_answer', detail: expect.stringContaining('status 503') })
  expect(trouble?.forMs).toBe(60_000)
  await running
  expect(stats.read()).toEqual({ dataPollsFailed: 3 })
  expect(polled.failure()).toBeUndefined()
})

test('sweeps go on when the clock is set back', async () => {
  const list = openList()
  list.add(200)
  const polls = openPolls(list)
  await polls.poll()
  list.state.asked = 0
  await polls.poll()
  expect(list.state.asked).toBe(1)
  list.state.nowMs -= 60 * MINUTE_MS
  polls.state.elapsedMs += 31 * MINUTE_MS
  await polls.poll()
  expect(list.state.asked).toBeGreaterThan(5)
})
