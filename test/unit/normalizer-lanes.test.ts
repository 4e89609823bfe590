import { expect, test, vi } from 'vitest'
import { Lanes } from '../../src/activities/normalizer-lanes.ts'
import { readConfig } from '../../src/config.ts'
import type { Batch } from '../../src/normalizer/batch.ts'
import { createStats } from '../../src/lib/stats.ts'
import { SharedTape } from '../../src/normalizer/shared-tape.ts'
import { newTape } from '../support/normalizer-tape.ts'

const refuse = () => ({ type: 'rejected' as const, detail: '', breaksBook: false })

/** Commits that end when they are told to, those of books and those of the catalogue. */
const openLanes = (config = readConfig({})) => {
  const writes = new Map<string, { batch: Batch; end: (error?: Error) => void }[]>([
    ['books', []],
    ['shared', []],
  ])
  const lanes = new Lanes({
    config,
    write: (batch) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve() : reject(error))
        writes.get(batch.offsets.has('markets') ? 'shared' : 'books')?.push({ batch, end })
      }),
    onCommitted: () => undefined,
    signal: new AbortController().signal,
  })
  const shared = new SharedTape('markets', { parseMessage: refuse, parseCatalogue: refuse, stats: createStats() })
  const book = newTape()
  const begun = (lane: string, count: number) => vi.waitFor(() => expect(writes.get(lane)).toHaveLength(count))
  const end = (lane: string, error?: Error): void => writes.get(lane)?.at(-1)?.end(error)
  return { lanes, shared, book, begun, end }
}

test('books are committed while a commit of what no one market has is under way', async () => {
  const { lanes, shared, book, begun, end } = openLanes()
  lanes.mark([shared, book])
  await begun('shared', 1)
  await begun('books', 1)
  end('books')
  const sinceMs = lanes.shared.waitingSinceMs
  lanes.mark([book])
  await begun('books', 2)
  expect(lanes.waitingSinceMs).toBe(sinceMs)
  end('books')
  end('shared')
  await lanes.settle()
  expect(lanes.waitingSinceMs).toBeUndefined()
})

test('a full batch of what no one market has holds up no book, and says that it is held', async () => {
  const { lanes, shared, book, begun, end } = openLanes(readConfig({ COMMIT_MAX_BYTES: '1000' }))
  lanes.mark([shared])
  await begun('shared', 1)
  lanes.shared.batch.frameBytes = 1_000
  lanes.mark([shared])
  expect(lanes.shared.isHeld).toBe(true)
  await lanes.admit()
  lanes.mark([book])
  await begun('books', 1)
  end('books')
  end('shared')
  await begun('shared', 2)
  end('shared')
  await lanes.settle()
  expect(lanes.shared.isHeld).toBe(false)
})

test('what ends the commits of either is thrown, after the other one has come to its end', async () => {
  const { lanes, shared, book, begun, end } = openLanes()
  lanes.mark([shared, book])
  await begun('shared', 1)
  await begun('books', 1)
  end('shared', new Error('no such table'))
  let isSettled = false
  const settling = lanes.settle().finally(() => {
    isSettled = true
  })
  settling.catch(() => undefined)
  await vi.waitFor(async () => await expect(lanes.admit()).rejects.toThrow('no such table'))
  expect(isSettled).toBe(false)
  end('books')
  await expect(settling).rejects.toThrow('no such table')
})
