import { expect, test } from 'vitest'
import type { Frame, FrameKind, StreamEntry } from '../../src/domain/frame.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { applyAll, levelsOf, newTape, rowsOf, TOKENS } from '../support/normalizer-tape.ts'

const START_MS = 1_790_000_000_000
const [TOKEN] = TOKENS

const at = (ms: number): string => String(START_MS + ms)
const book = (ms: number, price: string, size = '1'): string =>
  JSON.stringify({ event_type: 'book', market: '0x09', asset_id: TOKEN, timestamp: at(ms), hash: '', bids: [{ price, size }], asks: [] }) // prettier-ignore
const change = (ms: number, price: string, size: string): string =>
  JSON.stringify({ event_type: 'price_change', market: '0x09', timestamp: at(ms), price_changes: [{ asset_id: TOKEN, price, size, side: 'BUY', hash: '' }] }) // prettier-ignore
const gap = (reason: string): string => JSON.stringify({ type: 'gap', reason, tokens: [TOKEN], detail: 'why' })

const entry = (ordinal: number, kind: FrameKind, text: string): StreamEntry => {
  const frame: Frame = { kind, receivedTimeMs: START_MS + 500, sourceReceivedTimeMs: undefined, text }
  return { stream: 'orderbook:9', id: `${ordinal}-0`, epoch: 'e1', firstOrdinal: ordinal, frames: [frame] }
}

test('changes that came before a REST book are put onto it, those it already has are not', () => {
  const tape = newTape()
  applyAll(tape, [
    entry(1, 'websocket', book(0, '0.1')),
    entry(2, 'marker', gap('overflow')),
    entry(3, 'websocket', change(10, '0.3', '7')),
    entry(4, 'websocket', change(20, '0.2', '5')),
    entry(5, 'rest', book(15, '0.1')),
  ])
  const [outcome] = tape.outcomes
  expect(outcome && [...levelsOf(outcome)]).toEqual([['bid 0.2', '5'], ['bid 0.1', '1']]) // prettier-ignore
})

test('a loss inside a gap drops what was held before it, and no older REST book ends the gap', () => {
  const tape = newTape()
  const batch = applyAll(tape, [
    entry(1, 'websocket', book(0, '0.1')),
    entry(2, 'marker', gap('overflow')),
    entry(3, 'websocket', change(10, '0.2', '5')),
    // 4 was lost.
    entry(5, 'websocket', change(30, '0.3', '7')),
    entry(6, 'rest', book(5, '0.1')),
  ])
  expect(tape.outcomes[0]?.status).toBe('gap')
  expect(batch.gapsOpened).toHaveLength(1)
  applyAll(tape, [entry(7, 'rest', book(20, '0.1'))])
  expect(tape.outcomes[0] && levelsOf(tape.outcomes[0])).toEqual(new Map([['bid 0.1', '1'], ['bid 0.3', '7']])) // prettier-ignore
})

test('a loss before the first book drops what was held before it', () => {
  const tape = newTape()
  applyAll(tape, [
    entry(1, 'websocket', change(10, '0.2', '5')),
    // 2 was lost.
    entry(3, 'rest', book(5, '0.1')),
  ])
  expect(tape.outcomes[0]?.status).toBe('waiting')
})

test('an update whose time cannot be is a dead letter and a gap, and does not freeze the book', () => {
  for (const time of [9_999_999_999_999 - START_MS, -START_MS + 5, 2 * 86_400_000]) {
    const tape = newTape()
    const batch = applyAll(tape, [
      entry(1, 'websocket', book(0, '0.1')),
      entry(2, 'websocket', change(time, '0.2', '5')),
      entry(3, 'rest', book(1, '0.3')),
    ])
    expect(batch.deadLetters.map((letter) => letter.reason)).toEqual(['bad_message'])
    expect(batch.gapsOpened.map((one) => one.reason)).toEqual(['bad_message'])
    expect(tape.outcomes[0] && [...levelsOf(tape.outcomes[0])]).toEqual([['bid 0.3', '1']])
  }
})

test('what dead letters and gaps say stays short, however much came; the raw text is kept whole', () => {
  const text = JSON.stringify({ event_type: 'price_change', market: '0x09', timestamp: at(1), price_changes: [{ asset_id: TOKEN, price: 'x'.repeat(9_000), size: '1', side: 'BUY', hash: '' }] }) // prettier-ignore
  const { deadLetters, gapsOpened } = applyAll(newTape(), [
    entry(1, 'websocket', book(0, '0.1')),
    entry(2, 'websocket', text),
  ])
  expect(deadLetters[0]?.detail.length).toBeLessThan(600)
  expect(gapsOpened[0]?.detail.length).toBeLessThan(600)
  expect(deadLetters[0]?.raw).toBe(text)
})

test('another spelling of a price replaces its level in the ladder too, whichever spelling came when', () => {
  const tape = newTape()
  const batch = newBatch()
  applyAll(tape, [entry(1, 'websocket', book(0, '0.1'))], batch)
  const ladder = tape.outcomes[0]?.writer.ladder
  ladder?.clear()
  const spelled = [change(1, '0.5', '1'), change(2, '0.50', '2'), change(3, '0.5', '3')]
  applyAll(tape, spelled.map((text, index) => entry(index + 2, 'websocket', text)), batch) // prettier-ignore
  expect(ladder?.side('bid')).toEqual([['0.5', '3']])
  expect(rowsOf(batch)).toHaveLength(4)
})
