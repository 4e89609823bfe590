import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createViews } from '../../src/activities/normalizer-views.ts'
import type { MarketWrite } from '../../src/cache/hot-cache.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { newTape } from '../support/normalizer-tape.ts'
import { acts, Venue } from '../support/normalizer-venue.ts'

const quoteOf = ({ bidPrice, bidSize, askPrice, askSize, state }: MarketWrite): string =>
  [bidPrice, bidSize, askPrice, askSize, state].join(' ')

/** Views over a cache that can be away; tells what it holds and what who listens to the channel heard last. */
const openViews = () => {
  const cache = { isAway: false, held: '', heard: '' }
  const write = async (writes: MarketWrite[]): Promise<void> => {
    if (cache.isAway) throw new Error('ECONNRESET')
    for (const one of writes) {
      cache.held = quoteOf(one)
      if (one.isQuoteChanged) cache.heard = quoteOf(one)
    }
  }
  const log = createLog('normalizer', 'silent')
  const views = createViews({ cache: write, report: () => undefined, stats: createStats(), log })
  return { cache, views }
}

test('who listens to the quotes has heard what the cache holds after every write, also of one that failed before', async () => {
  await fc.assert(
    fc.asyncProperty(acts, fc.array(fc.boolean(), { minLength: 1 }), async (all, failures) => {
      const { cache, views } = openViews()
      const [venue, tape] = [new Venue(), newTape()]
      venue.play(all)
      for (const [at, entry] of venue.entries.entries()) {
        tape.apply(entry, newBatch())
        cache.isAway = failures[at % failures.length] === true
        await views.show([tape])
        expect(cache.heard).toBe(cache.held)
      }
      cache.isAway = false
      await views.show([])
      expect(cache.heard).toBe(cache.held)
    }),
    { numRuns: 100 },
  )
})

test('what is shown anew after another Redis is told again, though it is what was told before', async () => {
  const { cache, views } = openViews()
  const tape = newTape()
  for (const entry of new Venue().entries) tape.apply(entry, newBatch())
  await views.show([tape])
  const before = cache.heard
  cache.heard = ''
  await views.show([tape])
  expect(cache.heard).toBe('')
  await views.showAnew([tape])
  expect(cache.heard).toBe(before)
})

test('a write that waits its turn says what stands then: no older state comes after a newer one', async () => {
  const held: string[] = []
  let release = (): void => undefined
  const first = new Promise<void>((resolve) => {
    release = resolve
  })
  const cache = async ([one]: MarketWrite[]): Promise<void> => {
    if (held.length === 0) await first
    if (one !== undefined) held.push(one.state)
  }
  const log = createLog('normalizer', 'silent')
  const views = createViews({ cache, report: () => undefined, stats: createStats(), log })
  const tape = newTape()
  for (const entry of new Venue().entries) tape.apply(entry, newBatch())
  const shows = [views.show([tape]), views.show([tape])]
  expect(views.isWritten(tape)).toBe(false)
  await new Promise((resolve) => setImmediate(resolve))
  tape.isResolved = true
  release()
  await Promise.all(shows)
  expect(held.at(-1)).toBe('resolved')
  expect(held).toHaveLength(2)
  expect(views.isWritten(tape)).toBe(true)
})

test('a state that a market takes while it is written is told with a time of its own, not with that of the write before', async () => {
  const told: { state: string; atTimeMs: number }[] = []
  let release = (): void => undefined
  const first = new Promise<void>((resolve) => {
    release = resolve
  })
  const log = createLog('normalizer', 'silent')
  const views = createViews({ cache: () => first, report: (one) => told.push(one), stats: createStats(), log })
  const tape = newTape()
  for (const entry of new Venue().entries) tape.apply(entry, newBatch())
  const before = tape.state
  const writing = views.show([tape])
  await new Promise((resolve) => setTimeout(resolve, 5))
  tape.subscription = 'paused'
  const changedTimeMs = Date.now()
  release()
  await writing
  await views.show([tape])
  expect(told.map(({ state }) => state)).toEqual([before, 'paused'])
  expect(told[1]?.atTimeMs).toBeGreaterThanOrEqual(changedTimeMs)
})
