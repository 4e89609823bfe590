import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createViews } from '../../src/activities/normalizer-views.ts'
import type { MarketWrite } from '../../src/cache/hot-cache.ts'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { rebuildTape } from '../../src/normalizer/rebuild.ts'
import { applyEvent, eventsOf, windowOf, withoutDepth, type Levels } from '../support/kept-window.ts'
import { levelKey, ofOutcome } from '../support/normalizer-rows.ts'
import { applyAll, newTape, restored, rowsOf, storedCheckpoints } from '../support/normalizer-tape.ts'
import { depthActs, Venue, type Act } from '../support/normalizer-venue.ts'

const OUTCOMES = ['9:0', '9:1']

const entriesOf = (all: Act[]): StreamEntry[] => {
  const venue = new Venue()
  venue.play(all)
  return venue.entries
}

const newBooks = (): Map<string, Levels> => new Map(OUTCOMES.map((outcomeId) => [outcomeId, new Map<string, string>()]))
const booksOf = (books: Map<string, Levels>, outcomeId: string): Levels => books.get(outcomeId) ?? new Map()

type Seen = [kind: string, window: string[]]
const isSame = (left: string[], right: string[]): boolean => left.join() === right.join()

/** A tape that keeps every level beside one that is told depths; tells the events that each entry should write, and did. */
const sideBySide = () => {
  const [whole, kept] = [newTape(), newTape()]
  const [full, seen] = [newBooks(), newBooks()]
  let depth = 0

  const expectedOf = (rows: ReturnType<typeof rowsOf>, outcomeId: string, depthAfter: number): Seen[] => {
    const book = booksOf(full, outcomeId)
    const events: Seen[] = []
    let last = windowOf(book, depth)
    for (const event of eventsOf(ofOutcome(rows, outcomeId))) {
      applyEvent(book, event)
      const window = windowOf(book, depth)
      if (event.kind !== 'change' || !isSame(window, last)) events.push([event.kind, window])
      last = window
    }
    const window = windowOf(book, depthAfter)
    return isSame(window, last) ? events : [...events, ['change', window]]
  }
  const writtenOf = (rows: ReturnType<typeof rowsOf>, outcomeId: string): Seen[] =>
    eventsOf(ofOutcome(rows, outcomeId)).map((event) => {
      applyEvent(booksOf(seen, outcomeId), event)
      return [event.kind, windowOf(booksOf(seen, outcomeId), 0)]
    })

  return {
    kept,
    window: (outcomeId: string) => windowOf(booksOf(full, outcomeId), depth),
    apply: (entry: StreamEntry) => {
      const { depth: told, plain } = withoutDepth(entry)
      const place = `${whole.epoch} ${whole.ordinal}`
      const wholeRows = rowsOf(applyAll(whole, [plain]))
      const keptRows = rowsOf(applyAll(kept, [entry]))
      const isReplay = place === `${whole.epoch} ${whole.ordinal}`
      const depthAfter = isReplay ? depth : (told ?? depth)
      const expected = OUTCOMES.map((outcomeId) => expectedOf(wholeRows, outcomeId, depthAfter))
      depth = depthAfter
      return { rows: keptRows, expected, written: OUTCOMES.map((outcomeId) => writtenOf(keptRows, outcomeId)) }
    },
  }
}

test('each event leaves the best n levels of the whole book, one that changes none of them is not written, sequences are dense', () => {
  fc.assert(
    fc.property(depthActs, (all) => {
      const pair = sideBySide()
      const next = new Map<string, number>()
      for (const entry of entriesOf(all)) {
        const { rows, expected, written } = pair.apply(entry)
        expect(written).toEqual(expected)
        for (const outcomeId of OUTCOMES) {
          const first = next.get(outcomeId) ?? 1
          const sequences = eventsOf(ofOutcome(rows, outcomeId)).map(({ sequence }) => sequence)
          expect(sequences).toEqual(sequences.map((_, at) => first + at))
          next.set(outcomeId, first + sequences.length)
        }
      }
    }),
    { numRuns: 400 },
  )
})

/** Ladders as Redis would hold them. */
const applyWrite = (ladders: Map<string, Levels>, { ladders: writes }: MarketWrite): void => {
  for (const { outcomeId, write } of writes) {
    const levels = booksOf(ladders, outcomeId)
    if (write.isWhole) levels.clear()
    for (const [side, pairs] of [
      ['bid', write.bids],
      ['ask', write.asks],
    ] as const)
      // prettier-ignore
      for (const [price, size] of pairs) {
        if (size === '0') levels.delete(levelKey(side, price))
        else levels.set(levelKey(side, price), String(Number(size)))
      }
  }
}

test('the ladders of the hot cache are the kept levels after every write, and the quote says how many they are', async () => {
  await fc.assert(
    fc.asyncProperty(depthActs, async (all) => {
      const pair = sideBySide()
      const ladders = newBooks()
      let shownDepth = ''
      const cache = async (writes: MarketWrite[]): Promise<void> => {
        for (const write of writes) {
          applyWrite(ladders, write)
          if (write.depth !== '') shownDepth = write.depth
        }
      }
      const log = createLog('normalizer', 'silent')
      const views = createViews({ cache, report: () => undefined, stats: createStats(), log })
      for (const entry of entriesOf(all)) {
        pair.apply(entry)
        await views.show([pair.kept])
        for (const outcomeId of OUTCOMES)
          expect(windowOf(booksOf(ladders, outcomeId), 0)).toEqual(pair.window(outcomeId))
        expect(shownDepth).toBe(String(pair.kept.depth))
      }
    }),
    { numRuns: 150 },
  )
})

test('from a checkpoint at any entry the same rows are written, and the committed place is found again', () => {
  fc.assert(
    fc.property(depthActs, fc.nat(), (all, later) => {
      const entries = entriesOf(all)
      const { bookLines } = applyAll(newTape(), entries)
      const before = newTape()
      const linesBefore: string[] = []
      for (let at = 0; at <= entries.length; at++) {
        const checkpoints = storedCheckpoints(before)
        const after = applyAll(restored(checkpoints), entries.slice(at))
        expect([...linesBefore, ...after.bookLines], `from entry ${at}`).toEqual(bookLines)
        expectFound(checkpoints, entries.slice(at, at + (later % (entries.length - at + 1))))
        linesBefore.push(...applyAll(before, entries.slice(at, at + 1)).bookLines)
      }
    }),
    { numRuns: 60 },
  )
})

const expectFound = (checkpoints: ReturnType<typeof storedCheckpoints>, entries: StreamEntry[]): void => {
  const committed: MarketTape = restored(checkpoints)
  applyAll(committed, entries)
  const tape = newTape()
  const input = { progress: committed.progress(), committedId: committed.lastId, checkpoints, entries }
  expect(rebuildTape(tape, input)).toBe(true)
  expect(tape.depth).toBe(committed.depth)
}

test('what changes beyond the kept levels takes no sequence, but is proved with the rest', () => {
  const venue = new Venue()
  const level = (price: string, size: string) => ({ token: '7001', side: 'BUY', price, size }) as const
  const change = (...changes: ReturnType<typeof level>[]): Act => ({ type: 'change', waitMs: 3, changes: [...changes] })
  venue.play([
    { type: 'depth', levels: 1 },
    change(level('0.3', '1')),
    change(level('0.2', '50.5')),
    change(level('0.1', '2')),
    change(level('0.3', '0')),
  ])
  venue.finish()
  const tape = newTape()
  const rows = ofOutcome(rowsOf(applyAll(tape, venue.entries)), '9:0')
  expect(rows.map(({ sequence, kind, price, size }) => [sequence, kind, price, size])).toEqual([
    [1, 'snapshot', '0', '0'],
    [2, 'change', '0.3', '1'],
    [3, 'change', '0.3', '0'],
    [3, 'change', '0.2', '50.5'],
  ])
  expect(tape.outcomes[0]?.isProved).toBe(true)
  expect(tape.outcomes[0]?.book.bids.count).toBe(3)
})

test('a depth that is no number of levels is a dead letter and changes nothing', () => {
  const venue = new Venue()
  venue.play([{ type: 'depth', levels: 2 }])
  const [last] = venue.entries.filter((entry) => withoutDepth(entry).depth === 2)
  const malformed = [-1, 1.5, 'two', null].map((levels, at): StreamEntry => {
    const [frame] = last?.frames ?? []
    if (last === undefined || frame === undefined) throw new Error('the venue said no depth')
    const firstOrdinal = last.firstOrdinal + 2 + at
    return { ...last, id: `${1_000 + at}-0`, firstOrdinal, frames: [{ ...frame, text: JSON.stringify({ type: 'depth', levels }) }] } // prettier-ignore
  })
  const tape = newTape()
  const { deadLetters, depths } = applyAll(tape, [...venue.entries, ...malformed])
  expect(deadLetters.map(({ reason }) => reason)).toEqual(malformed.map(() => 'bad_marker'))
  expect(depths.map(({ marketId, depth }) => [marketId, depth])).toEqual([['9', 2]])
  expect(tape.depth).toBe(2)
  expect(tape.outcomes.map(({ status }) => status)).toEqual(['following', 'following'])
})
