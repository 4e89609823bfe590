import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Marker, StreamEntry } from '../../src/domain/frame.ts'
import { keptDepth, type ShedTier } from '../../src/domain/shed.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { rebuildTape } from '../../src/normalizer/rebuild.ts'
import { isLost } from '../../src/normalizer/shed-books.ts'
import { windowOf } from '../support/kept-window.ts'
import { bookOfRows, ofOutcome, sequencesOf, type Row } from '../support/normalizer-rows.ts'
import {
  levelsOf,
  newTape,
  newTapeOf,
  restored,
  rowsOf,
  storedCheckpoints,
  testMarket,
  TOKENS,
} from '../support/normalizer-tape.ts'
import { acts, Venue } from '../support/normalizer-venue.ts'

const OUTCOMES = ['9:0', '9:1']
const LEVELS = 2

type Shedding = { entries: StreamEntry[]; tierAfter: ShedTier[] }

const isOfBook = (text: string): boolean => /"event_type":"(book|price_change|best_bid_ask)"/.test(text)

const marker = (entry: StreamEntry, tier: ShedTier, newest: Record<string, number>): StreamEntry => {
  const levels = keptDepth(0, { tier, levels: LEVELS, generation: 1 })
  const told: Marker = { type: 'depth', levels, tier, newest }
  const [frame] = entry.frames
  if (frame === undefined) throw new Error('expected a frame')
  return { ...entry, frames: [{ ...frame, kind: 'marker', text: JSON.stringify(told) }] }
}

/** The stream as a feed writes it that follows these tiers: a word in place of some frames, and without those that are shed. */
const shedding = (entries: StreamEntry[], tiers: Map<number, ShedTier>): Shedding => {
  const shed: Shedding = { entries: [], tierAfter: [] }
  const ordinals = new Map<string, number>()
  let tier: ShedTier = 0
  let told: { epoch: string; tier: ShedTier } | undefined
  const push = (entry: StreamEntry): void => {
    const firstOrdinal = (ordinals.get(entry.epoch) ?? 0) + 1
    ordinals.set(entry.epoch, firstOrdinal)
    shed.entries.push({ ...entry, id: `${shed.entries.length + 1}-0`, firstOrdinal })
    shed.tierAfter.push(tier)
  }
  entries.forEach((entry, at) => {
    tier = tiers.get(at) ?? tier
    if (told?.tier !== tier || told.epoch !== entry.epoch) {
      if (tier > 0 || told !== undefined) push(marker(entry, tier, {}))
      told = { epoch: entry.epoch, tier }
    }
    if (tier < 3 || !isOfBook(entry.frames[0]?.text ?? '')) push(entry)
  })
  return shed
}

const withTiers = fc.record({
  acts,
  tiers: fc.array(fc.record({ at: fc.nat(60), tier: fc.constantFrom<ShedTier>(0, 1, 2, 3) }), { maxLength: 6 }),
})

const playAll = ({
  acts: all,
  tiers,
}: {
  acts: Parameters<Venue['play']>[0]
  tiers: { at: number; tier: ShedTier }[]
}) => {
  const venue = new Venue()
  venue.play(all.filter(({ type }) => type !== 'lose' && type !== 'replay'))
  return { venue, shed: shedding(venue.entries, new Map(tiers.map(({ at, tier }) => [at, tier]))) }
}

const applyTo = (tape: MarketTape, entry: StreamEntry): Batch => {
  const batch = newBatch()
  tape.apply(entry, batch)
  tape.proveEarly(batch)
  return batch
}

/** Gaps of a kind that stand open after these batches, an outcome each. */
const openCosts = (batches: Batch[], outcomeId: string): number[] => {
  const closed = new Set(batches.flatMap(({ gapsClosed }) => gapsClosed).filter((one) => one.outcomeId === outcomeId).map((one) => one.gapSequence)) // prettier-ignore
  const opened = batches.flatMap(({ gapsOpened }) => gapsOpened)
  const own = opened.filter((one) => one.outcomeId === outcomeId && one.reason === 'cost')
  return own.map(({ gapSequence }) => gapSequence).filter((sequence) => !closed.has(sequence))
}

test('whatever is shed and when, sequences stay dense, a tier writes only what it keeps, and what its rows say is the best of the book', () => {
  fc.assert(
    fc.property(withTiers, (given) => {
      const { shed } = playAll(given)
      const tape = newTape()
      const rows: Row[] = []
      const batches: Batch[] = []
      shed.entries.forEach((entry, at) => {
        const batch = applyTo(tape, entry)
        const fresh = rowsOf(batch)
        rows.push(...fresh)
        batches.push(batch)
        const tier = shed.tierAfter[at] ?? 0
        if (tier >= 2) expect(fresh.every(({ kind }) => kind === 'gap')).toBe(true)
        for (const [index, outcomeId] of OUTCOMES.entries()) {
          const outcome = tape.outcomes[index]
          const open = openCosts(batches, outcomeId)
          expect(outcome?.writer.sheds).toEqual(open)
          expect(open.length >= tier).toBe(true)
          if (open.length > 0) expect(tape.state).not.toBe('live')
          const known = bookOfRows(ofOutcome(rows, outcomeId))
          if (outcome?.status !== 'following' || tier >= 2 || known === undefined) continue
          expect(windowOf(known, 0)).toEqual(windowOf(levelsOf(outcome), tape.depth))
        }
      })
      for (const outcomeId of OUTCOMES) {
        const sequences = sequencesOf(ofOutcome(rows, outcomeId))
        expect(sequences).toEqual(sequences.map((_, at) => at + 1))
      }
    }),
    { numRuns: 150 },
  )
})

test('once nothing is shed a fresh book ends every gap, proved, and its rows are the whole book again', () => {
  fc.assert(
    fc.property(withTiers, (given) => {
      const venue = new Venue()
      const changes = TOKENS.map((token) => ({ token, side: 'BUY' as const, price: '0.2', size: '3' }))
      venue.play([
        ...given.acts.filter(({ type }) => type !== 'lose' && type !== 'replay'),
        { type: 'change', waitMs: 3, changes },
        { type: 'marker', token: TOKENS[0], kind: 'subscribed' },
        { type: 'reconnect', isTold: true, changes: [] },
      ])
      venue.finish()
      const end = venue.entries.findIndex(({ epoch }) => epoch === venue.entries.at(-1)?.epoch)
      const before = given.tiers.filter(({ at }) => at < end).map(({ at, tier }): [number, ShedTier] => [at, tier])
      const shed = shedding(venue.entries, new Map([...before, [end, 0]]))
      const tape = newTape()
      const batches = shed.entries.map((entry) => applyTo(tape, entry))
      const rows = batches.flatMap(rowsOf)
      for (const [index, outcomeId] of OUTCOMES.entries()) {
        expect(openCosts(batches, outcomeId)).toEqual([])
        const known = bookOfRows(ofOutcome(rows, outcomeId))
        expect(known).toEqual(venue.levels(TOKENS[index] ?? TOKENS[0]))
        expect(tape.outcomes[index]?.isProved).toBe(true)
      }
      expect(tape.state).toBe('live')
    }),
    { numRuns: 100 },
  )
})

test('a restart from any checkpoint goes on as if there had been none, whatever was shed', () => {
  fc.assert(
    fc.property(withTiers, fc.nat(80), (given, cut) => {
      const { shed } = playAll(given)
      const tape = newTape()
      const at = cut % (shed.entries.length + 1)
      for (const entry of shed.entries.slice(0, at)) applyTo(tape, entry)
      const checkpoints = storedCheckpoints(tape)
      for (const entry of shed.entries.slice(at)) applyTo(tape, entry)
      const again = restored(checkpoints)
      const progress = JSON.parse(JSON.stringify(tape.progress())) as ReturnType<MarketTape['progress']>
      const input = { progress, committedId: tape.lastId, checkpoints, entries: shed.entries.slice(at) }
      expect(rebuildTape(again, input)).toBe(true)
      expect(JSON.parse(JSON.stringify(again.progress()))).toEqual(progress)
    }),
    { numRuns: 100 },
  )
})

test('every gap that a budget opens is counted with its reason, and none of them as a book that was lost', () => {
  const venue = new Venue()
  venue.play([{ type: 'change', waitMs: 3, changes: [{ token: TOKENS[0], side: 'BUY', price: '0.1', size: '5' }] }])
  const shed = shedding(venue.entries, new Map([[venue.entries.length - 1, 3]]))
  const { tape, stats } = newTapeOf(testMarket)
  const batches = shed.entries.map((entry) => applyTo(tape, entry))
  expect(OUTCOMES.map((outcomeId) => openCosts(batches, outcomeId).length)).toEqual([3, 3])
  expect(stats.read()).toMatchObject({ gaps: 6, 'gaps:cost': 6 })
  expect(tape.outcomes.map(({ status }) => status)).toContain('gap')
  expect(tape.outcomes.filter(isLost)).toEqual([])
  const [outcome] = tape.outcomes
  if (outcome === undefined) throw new Error('expected an outcome')
  Object.assign(outcome, { gapReason: 'snapshot_missing' })
  expect(isLost(outcome), 'no book can come that would end it').toBe(false)
  outcome.writer.tier = 0
  expect(isLost(outcome)).toBe(true)
})

test('a REST book that is older than what was shed ends nothing', () => {
  const venue = new Venue()
  venue.play([{ type: 'change', waitMs: 3, changes: [{ token: TOKENS[0], side: 'BUY', price: '0.1', size: '5' }] }])
  const stale = venue.entries.length
  venue.play([{ type: 'rest', token: TOKENS[0], back: 0 }])
  const rest = venue.entries[stale + 1] ?? venue.entries.at(-2)
  if (rest === undefined) throw new Error('expected a REST book')
  const shed = shedding(venue.entries.slice(0, stale), new Map([[2, 3]]))
  const tape = newTape()
  for (const entry of shed.entries) applyTo(tape, entry)
  const ordinalAfter = (ordinal: number) => ({ firstOrdinal: tape.ordinal + ordinal })
  const newest = { [TOKENS[0]]: venue.timeMs + 1 }
  applyTo(tape, { ...marker(rest, 0, newest), ...ordinalAfter(1), id: '90-0' })
  const restEntry = venue.entries.find(({ frames }) => frames[0]?.kind === 'rest')
  if (restEntry === undefined) throw new Error('expected a REST book')
  applyTo(tape, { ...restEntry, ...ordinalAfter(1), id: '91-0' })
  expect(tape.outcomes[0]?.status).toBe('gap')
  expect(tape.resyncNeed(Date.now())).toBe('now')
})
