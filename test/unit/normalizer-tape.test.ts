import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { bookOfRows, levelKey, ofOutcome, sequencesOf, type Row } from '../support/normalizer-rows.ts'
import { applyAll, levelsOf, newTape, rowsOf, TOKENS } from '../support/normalizer-tape.ts'
import { acts, Venue, type Act } from '../support/normalizer-venue.ts'

type Run = { venue: Venue; tape: MarketTape; batch: Batch; rows: Row[] }

const play = (all: Act[]): Run => {
  const venue = new Venue()
  venue.play(all)
  const tape = newTape()
  const batch = applyAll(tape, venue.entries)
  return { venue, tape, batch, rows: rowsOf(batch) }
}

/** The venue's receive clock steps back by so much. */
const CLOCK_STEPS_MS = 35

const holds = (promise: (run: Run) => void): void =>
  fc.assert(
    fc.property(acts, (all) => promise(play(all))),
    { numRuns: 300 },
  )

test('a book that says it follows is the book of the venue, whatever was late, lost, repeated or reconnected', () => {
  holds(({ venue, tape }) => {
    tape.outcomes.forEach((outcome, index) => {
      if (outcome.status === 'following') expect(levelsOf(outcome)).toEqual(venue.levels(TOKENS[index] ?? '7001'))
    })
  })
})

test('whoever has only the rows knows the same book, and knows when it is unknown', () => {
  holds(({ tape, rows }) => {
    for (const outcome of tape.outcomes) {
      const known = bookOfRows(ofOutcome(rows, outcome.outcome.outcomeId))
      expect(known).toEqual(outcome.status === 'following' ? levelsOf(outcome) : undefined)
    }
  })
})

test('sequences are dense from 1 per outcome, ids are unique, and captured_at never falls', () => {
  holds(({ tape, rows }) => {
    for (const outcome of tape.outcomes) {
      const own = ofOutcome(rows, outcome.outcome.outcomeId)
      expect(sequencesOf(own)).toEqual(Array.from({ length: outcome.sequence }, (_, at) => at + 1))
      expect(new Set(own.map((row) => row.id)).size).toBe(own.length)
      const times = own.map((row) => row.capturedTimeMs)
      expect(times).toEqual(times.toSorted((left, right) => left - right))
    }
  })
})

test('nothing but a snapshot follows a gap row, and that snapshot is recorded as the end of the gap', () => {
  holds(({ tape, rows, batch }) => {
    for (const { outcome, status } of tape.outcomes) {
      const own = ofOutcome(rows, outcome.outcomeId)
      const gaps = own.filter((row) => row.kind === 'gap').map((row) => row.sequence)
      const opened = batch.gapsOpened.filter((gap) => gap.outcomeId === outcome.outcomeId)
      const closed = batch.gapsClosed.filter((gap) => gap.outcomeId === outcome.outcomeId)
      expect(opened.map((gap) => gap.gapSequence)).toEqual(gaps)
      for (const gap of opened) expect(gap.lastGoodSequence).toBeLessThan(gap.gapSequence)
      const ended = status === 'gap' ? gaps.slice(0, -1) : gaps
      expect(closed.map((gap) => [gap.gapSequence, gap.firstGoodSequence])).toEqual(
        ended.map((sequence) => [sequence, sequence + 1]),
      )
      for (const gap of closed) {
        expect(own.find((row) => row.sequence === gap.firstGoodSequence)?.kind).toBe('snapshot')
      }
    }
  })
})

const isLoss = (tape: MarketTape, entry: StreamEntry): boolean =>
  entry.epoch > tape.epoch ? tape.epoch !== '' : entry.epoch === tape.epoch && entry.firstOrdinal > tape.ordinal + 1

test('after a lost entry or an untold reconnect, the next row of a followed book is a gap', () => {
  let losses = 0
  holds(({ venue }) => {
    const tape = newTape()
    for (const entry of venue.entries) {
      const lossy = isLoss(tape, entry) ? tape.outcomes.filter(({ status }) => status === 'following') : []
      const rows = rowsOf(applyAll(tape, [entry]))
      for (const { outcome } of lossy) expect(ofOutcome(rows, outcome.outcomeId)[0]?.kind).toBe('gap')
      losses += lossy.length
    }
  })
  expect(losses).toBeGreaterThan(50)
})

test('entries that come again, at once or much later, add no row, fill, gap or dead letter', () => {
  holds(({ venue, tape, batch }) => {
    const before = JSON.stringify([tape.progress(), tape.outcomes.map((outcome) => [...levelsOf(outcome)])])
    const again = applyAll(tape, venue.entries, newBatch())
    expect([again.bookLines, again.fills, again.gapsOpened, again.gapsClosed, again.deadLetters].flat()).toEqual([])
    expect(JSON.stringify([tape.progress(), tape.outcomes.map((outcome) => [...levelsOf(outcome)])])).toBe(before)
    const ids = batch.deadLetters.map((letter) => `${letter.entryId} ${letter.ordinal}`)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

test('a changed level is one row, one that stays as it is is none', () => {
  let rowCount = 0
  holds(({ venue }) => {
    const tape = newTape()
    for (const entry of venue.entries) {
      const followed = tape.outcomes.filter(({ status }) => status === 'following')
      const before = followed.map((outcome) => ({ outcome, book: levelsOf(outcome) }))
      const rows = rowsOf(applyAll(tape, [entry]))
      for (const { outcome, book } of before) {
        const own = ofOutcome(rows, outcome.outcome.outcomeId)
        if (own.some((row) => row.kind !== 'change')) continue
        for (const row of own) {
          const level = levelKey(row.side, row.price)
          expect(row.size).not.toBe(book.get(level) ?? '0')
          book.set(level, row.size)
          rowCount += 1
        }
        for (const [level, size] of book) if (size === '0') book.delete(level)
        if (outcome.status === 'following') expect(book).toEqual(levelsOf(outcome))
      }
    }
  })
  expect(rowCount).toBeGreaterThan(500)
})

test('no proof fails where nothing was lost without a word: late books, REST, trades and ticks raise no alarm', () => {
  let verifiedCount = 0
  holds(({ batch, tape }) => {
    const alarms = batch.gapsOpened.filter(({ reason }) => reason === 'hash_mismatch' || reason === 'best_price')
    expect(alarms).toEqual([])
    verifiedCount += tape.tally.hour.verified
  })
  expect(verifiedCount).toBeGreaterThan(1_000)
})

test('a change that is lost without a trace in the ordinals leaves no followed book wrong, and lies within the gap', () => {
  let alarms = 0
  fc.assert(
    fc.property(acts, fc.nat(), (all, nth) => {
      const venue = new Venue()
      venue.play(all)
      venue.finish()
      const lostTimeMs = venue.loseSilently(nth)
      if (lostTimeMs === undefined) return
      const tape = newTape()
      const batch = applyAll(tape, venue.entries)
      const opened = batch.gapsOpened.filter(({ reason }) => reason === 'hash_mismatch')
      alarms += opened.length
      for (const { openedTimeMs } of opened) expect(openedTimeMs).toBeLessThanOrEqual(lostTimeMs + CLOCK_STEPS_MS)
      tape.outcomes.forEach((outcome, index) => {
        if (outcome.status === 'following') expect(levelsOf(outcome)).toEqual(venue.levels(TOKENS[index] ?? '7001'))
      })
    }),
    { numRuns: 500 },
  )
  expect(alarms).toBeGreaterThan(50)
})
