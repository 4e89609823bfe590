import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createEpochs } from '../../src/feed/epochs.ts'
import { createFlush } from '../../src/feed/flush.ts'
import { createLog } from '../../src/lib/log.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** One frame to append; Redis answers `behind` so many times. */
const openStage = (behindCount: number) => {
  const calls = { appends: 0, repairs: 0 }
  const epochs = createEpochs({ budget: { usedBytes: 0, limitBytes: 1e9 }, pushed: () => undefined })
  epochs.open('e').push('orderbook:1', {
    kind: 'websocket',
    receivedTimeMs: 1,
    sourceReceivedTimeMs: undefined,
    text: '{}',
  })
  const flush = createFlush({
    appender: {
      append: async () =>
        ++calls.appends <= behindCount ? { type: 'behind' } : { type: 'appended', added: 1, refused: [] },
      readAppended: async () => new Map(),
      refresh: async () => undefined,
    },
    epochs,
    repair: async () => void calls.repairs++,
    onRefused: () => undefined,
    log: createLog('feed', 'silent'),
  })
  return { flush, batch: epochs.outbox.take(1e9), calls }
}

test('what is behind once goes out after one repair, within 100 ms', async () => {
  const { flush, batch, calls } = openStage(1)
  let isDone = false
  void flush.append(batch, new AbortController().signal).then(() => (isDone = true))
  await vi.advanceTimersByTimeAsync(100)
  expect(isDone).toBe(true)
  expect(calls).toEqual({ appends: 2, repairs: 1 })
})

test('what stays behind is tried ever more slowly and not without a pause, and goes out when Redis takes it', async () => {
  const { flush, batch, calls } = openStage(40)
  let isDone = false
  void flush.append(batch, new AbortController().signal).then(() => (isDone = true))
  await vi.advanceTimersByTimeAsync(400)
  expect(calls.appends).toBeLessThan(20)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(isDone).toBe(true)
})
