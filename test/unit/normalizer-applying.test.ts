import { expect, test } from 'vitest'
import { createApplying, type ApplyingDeps } from '../../src/activities/normalizer-applying.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { RawEntry } from '../../src/stream/read.ts'

const TAPE = { stream: 'trades' }
/** More than one turn is held for. */
const ENTRY_MS = 10

const hold = (ms: number): void => {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

/** Entries that each take longer than a turn may; whatever is marked is sealed before the next turn, as commits do. */
const openApplying = () => {
  const sealed: Batch[] = []
  const marked: { batch: Batch; streams: string[] }[] = []
  const commits = {
    batch: newBatch(),
    mark: (tapes: Set<typeof TAPE>) => {
      const { batch } = commits
      marked.push({ batch, streams: [...tapes].map(({ stream }) => stream) })
      setImmediate(() => {
        sealed.push(batch)
        commits.batch = newBatch()
      })
    },
  }
  const apply = (_tape: typeof TAPE, _entry: RawEntry, batch: Batch): void => {
    hold(ENTRY_MS)
    batch.frameCount += 1
  }
  const tapes = { get: (stream: string) => (stream === TAPE.stream ? TAPE : undefined), apply }
  const stats = createStats()
  const lanes = { books: {}, shared: commits, of: () => commits }
  const deps = { tapes, lanes, stats, showing: { add: () => undefined } }
  return { applying: createApplying(deps as unknown as ApplyingDeps), sealed, marked, stats }
}

const readOf = (stream: string, count: number) => ({
  stream,
  isMore: false,
  entries: Array.from({ length: count }, (_, at): RawEntry => [`${at}-0`, []]),
})

test('a backlog leaves turns to commits, and what is applied after one goes into the batch of its own turn', async () => {
  const { applying, sealed, marked, stats } = openApplying()
  await applying([readOf('trades', 3)])
  expect(sealed.map(({ frameCount }) => frameCount)).toEqual([1, 1, 1])
  expect(marked.slice(0, 3).map(({ batch, streams }) => [batch.frameCount, streams])).toEqual(
    Array.from({ length: 3 }, () => [1, ['trades']]),
  )
  expect(stats.read()['frames']).toBe(3)
})

test('entries of a stream that is not open are left where they are', async () => {
  const { applying, marked, stats } = openApplying()
  await applying([readOf('orderbook:1', 2)])
  expect(marked).toEqual([])
  expect(stats.read()['frames'] ?? 0).toBe(0)
})
