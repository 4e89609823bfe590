import { expect, test } from 'vitest'
import { newBatch } from '../../src/normalizer/batch.ts'
import { toCheckpoints, restoreTape } from '../../src/normalizer/checkpoint.ts'
import { newTape } from '../support/normalizer-tape.ts'
import { beginFollowed as begin } from '../support/followed-market.ts'

/** Three texts of one batch of the first outcome, at 10, and the whole book after a later one, at 11. */
const overtake = () => {
  const run = begin()
  const prices = ['0.41', '0.42', '0.43']
  for (const price of prices) run.first.set('BUY', price, '1')
  const texts = prices.map((price) => run.first.change(10, 'BUY', price))
  run.first.set('SELL', '0.6', '9')
  const [one = '', two = '', three = ''] = texts
  return { ...run, one, two, three, book: run.first.book(11) }
}

const proofsOf = ({ batch, outcome, timeOf }: ReturnType<typeof overtake>) =>
  batch.proofs
    .filter(({ outcomeId }) => outcomeId === outcome.outcome.outcomeId)
    .map(({ capturedTimeMs, state }) => `${capturedTimeMs - timeOf(0)} ${state}`)

test('no alarm where the whole rest of a batch comes after the book that overtook it, but no proof of what lacked it', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  run.socket(14, run.two)
  run.socket(15, run.three)
  run.asked(2_000)
  expect(run.reasons()).toEqual([])
  expect(run.tape.state).toBe('live')
  expect(proofsOf(run)).toEqual(['1 verified', '12 unverifiable', '13 verified'])
})

test.each([
  ['a part of the rest', 'two'],
  ['again what had come', 'one'],
] as const)('an alarm where only %s comes after the book', (_, late) => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  run.socket(14, run[late])
  run.asked(2_000)
  expect(run.reasons()).toEqual(['hash_mismatch'])
  expect(run.batch.gapsOpened[0]).toMatchObject({ openedTimeMs: run.timeOf(1), lastGoodSequence: 1 })
})

test('the rest of a batch does not explain what ended wrong after the book', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  run.first.set('BUY', '0.3', '1')
  run.first.set('BUY', '0.31', '1')
  run.socket(21, run.first.change(20, 'BUY', '0.31'))
  run.first.set('BUY', '0.3', '0')
  run.socket(23, run.first.change(22, 'BUY', '0.3'))
  run.socket(24, run.two)
  run.socket(25, run.three)
  run.asked(2_000)
  expect(run.reasons()).toEqual(['hash_mismatch'])
})

test('a doubt survives a restart, with the book that the rest of the batch completes', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  const kept: ReturnType<typeof toCheckpoints> = JSON.parse(JSON.stringify(toCheckpoints(run.tape)))
  const tape = newTape()
  restoreTape(tape, kept)
  expect(JSON.parse(JSON.stringify(toCheckpoints(tape)))).toEqual(kept)
  const frames = [
    { kind: 'websocket' as const, receivedTimeMs: run.timeOf(14), text: run.two },
    { kind: 'websocket' as const, receivedTimeMs: run.timeOf(15), text: run.three },
    { kind: 'marker' as const, receivedTimeMs: run.timeOf(2_000), text: '{"type":"asked","tokens":[]}' },
  ].map((frame) => ({ ...frame, sourceReceivedTimeMs: undefined }))
  const batch = newBatch()
  tape.apply({ stream: tape.stream, id: '9000-0', epoch: '1-a', firstOrdinal: tape.ordinal + 1, frames }, batch)
  expect(batch.gapsOpened).toEqual([])
  expect(tape.state).toBe('live')
})

test('a rest that comes again and again finds no last trade price that makes a whole of a part', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  for (let times = 0; times < 60; times++) run.socket(14, run.two)
  run.asked(2_000)
  expect(run.reasons()).toEqual(['hash_mismatch'])
})

test('where the hash is not known, the rest completes the batch by its best prices', () => {
  const run = overtake()
  run.outcome.verification.proof.isHashKnown = false
  const withoutHash = (text: string): string => text.replace(/"hash":"[^"]*"/g, '"hash":""')
  run.socket(12, withoutHash(run.one))
  run.socket(13, withoutHash(run.book))
  run.socket(14, withoutHash(run.two))
  run.socket(15, withoutHash(run.three))
  run.asked(2_000)
  expect(run.reasons()).toEqual([])
})

test('a socket that ends in the doubt says nothing of what was missed by the next equal hash', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.socket(13, run.book)
  run.reconnect()
  run.socket(60, run.book)
  run.socket(60, run.second.book(0))
  const [gap] = run.batch.gapsClosed
  expect(gap?.isNothingMissed).toBe(false)
  expect(run.batch.gapsOpened[0]).toMatchObject({ openedTimeMs: run.timeOf(1), lastGoodSequence: 1 })
})

test('history says at once that a batch ended wrong, the present state with the alarm', () => {
  const run = overtake()
  run.socket(12, run.one)
  run.first.set('BUY', '0.3', '1')
  run.socket(13, run.first.change(11, 'BUY', '0.3'))
  expect(proofsOf(run)).toEqual(['1 verified', '12 unverifiable'])
  expect(run.tape.state).toBe('live')
  run.asked(120)
  expect(run.reasons()).toEqual(['hash_mismatch'])
  expect(run.tape.state).toBe('unverified')
})
