import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { toCheckpoints } from '../../src/normalizer/checkpoint.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { continueWithoutBooks, rebuildTape } from '../../src/normalizer/rebuild.ts'
import { ofOutcome, sequencesOf } from '../support/normalizer-rows.ts'
import { applyAll, newTape, restored, rowsOf, storedCheckpoints } from '../support/normalizer-tape.ts'
import { acts, Venue } from '../support/normalizer-venue.ts'

const entriesOf = (all: Parameters<Venue['play']>[0]) => {
  const venue = new Venue()
  venue.play(all)
  return venue.entries
}

test('a tape restored from a checkpoint at any entry goes on as if it had never stopped', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const entries = entriesOf(all)
      const whole = newTape()
      const { bookLines } = applyAll(whole, entries)
      const before = newTape()
      const linesBefore: string[] = []
      for (let at = 0; at <= entries.length; at++) {
        const tape = restored(storedCheckpoints(before))
        const after = applyAll(tape, entries.slice(at))
        expect([...linesBefore, ...after.bookLines], `stopped after ${at} entries`).toEqual(bookLines)
        expect(toCheckpoints(tape)).toEqual(toCheckpoints(whole))
        linesBefore.push(...applyAll(before, entries.slice(at, at + 1)).bookLines)
      }
    }),
    { numRuns: 100 },
  )
})

test('a checkpoint and the entries after it lead to exactly where the commit says, and on from there', () => {
  fc.assert(
    fc.property(acts, fc.nat(), fc.nat(), (all, someEntry, later) => {
      const entries = entriesOf(all)
      const from = someEntry % entries.length
      const upTo = from + (later % (entries.length - from))
      const before = newTape()
      applyAll(before, entries.slice(0, from))
      const checkpoints = storedCheckpoints(before)
      applyAll(before, entries.slice(from, upTo))
      const tape = newTape()
      const input = { progress: before.progress(), committedId: before.lastId, checkpoints }
      expect(rebuildTape(tape, { ...input, entries: entries.slice(from, upTo) })).toBe(true)
      expect(tape.deps.stats.read(), 'what was counted before is not counted again').toEqual({})
      const rest = entries.slice(upTo)
      expect(applyAll(tape, rest).bookLines).toEqual(applyAll(before, rest).bookLines)
    }),
    { numRuns: 300 },
  )
})

test('what is stored of a proof is its state again after the next verdict, whatever was shed before a restart, in it and after', () => {
  const sheds = fc.record({ before: fc.boolean(), between: fc.boolean(), after: fc.boolean() })
  fc.assert(
    fc.property(acts, acts, sheds, (all, later, { before, between, after }) => {
      const venue = new Venue()
      venue.play(all)
      const entries = [...venue.entries]
      venue.play(later)
      venue.finish()
      const stored = new Map<string, string>()
      const play = (tape: MarketTape, some: StreamEntry[], isShedding: boolean): void => {
        tape.deps.judge.lagMs = isShedding ? 1_000_000 : 0
        for (const { outcomeId, state } of applyAll(tape, some).proofs) stored.set(outcomeId, state)
      }
      const killed = newTape()
      play(killed, entries, before)
      const tape = newTape()
      const input = { progress: killed.progress(), committedId: killed.lastId, checkpoints: [], entries }
      fc.pre(rebuildTape(tape, input, between))
      play(tape, venue.entries.slice(entries.length), after)
      for (const { outcome, status, verification } of tape.outcomes) {
        if (status !== 'following') continue
        expect(stored.get(outcome.outcomeId) ?? 'unverifiable').toBe(verification.proof.state)
      }
    }),
    { numRuns: 300 },
  )
})

test('where an entry after the checkpoint is gone, a rebuild that stands elsewhere never passes for the committed one', () => {
  fc.assert(
    fc.property(acts, fc.nat(), (all, which) => {
      const entries = entriesOf(all)
      const committed = newTape()
      applyAll(committed, entries)
      const gone = which % entries.length
      const tape = newTape()
      const input = { progress: committed.progress(), committedId: committed.lastId, checkpoints: [] }
      const isSame = rebuildTape(tape, { ...input, entries: entries.toSpliced(gone, 1) })
      if (!isSame) return
      const standing = (one: MarketTape) =>
        one.outcomes.map(({ sequence, status, writer, gapSequence }) => [sequence, status, writer.capturedTimeMs, gapSequence]) // prettier-ignore
      expect(standing(tape)).toEqual(standing(committed))
    }),
    { numRuns: 300 },
  )
})

test('books that cannot be rebuilt are told by a gap, and their sequences and clock go on', () => {
  fc.assert(
    fc.property(acts, (all) => {
      const entries = entriesOf(all)
      const committed = newTape()
      const first = rowsOf(applyAll(committed, entries))
      const tape = newTape()
      const progress = JSON.parse(JSON.stringify(committed.progress())) as ReturnType<typeof committed.progress>
      continueWithoutBooks(tape, { progress, committedId: committed.lastId, checkpoints: [], entries: [] })
      const batch = newBatch()
      const { receivedTimeMs: endMs } = committed
      const restartedTimeMs = endMs + 600_000
      tape.tellLostBooks({ frame: { ...firstFrame(entries), receivedTimeMs: restartedTimeMs }, batch })
      for (const { openedTimeMs, detectedTimeMs } of batch.gapsOpened) {
        expect(openedTimeMs, 'nothing of the outage is taken for good').toBeLessThanOrEqual(endMs)
        expect(openedTimeMs).toBeGreaterThan(endMs - 600_000)
        expect(detectedTimeMs).toBe(restartedTimeMs)
      }
      expect(Math.max(...tape.outcomes.map(({ writer }) => writer.capturedTimeMs))).toBeLessThanOrEqual(endMs)
      const rows = [...first, ...rowsOf(batch)]
      for (const { outcome, status, sequence } of tape.outcomes) {
        const own = ofOutcome(rows, outcome.outcomeId)
        expect(status).not.toBe('following')
        expect(sequencesOf(own)).toEqual(Array.from({ length: sequence }, (_, at) => at + 1))
        const times = own.map((row) => row.capturedTimeMs)
        expect(times).toEqual(times.toSorted((left, right) => left - right))
      }
    }),
    { numRuns: 100 },
  )
})

const firstFrame = (entries: ReturnType<typeof entriesOf>) => {
  const frame = entries[0]?.frames[0]
  if (frame === undefined) throw new Error('a venue sends at least its first books')
  return frame
}
