import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Frame } from '../../src/domain/frame.ts'
import { decodeEntry, encodeEntry, type NewEntry, type SigningKeys } from '../../src/stream/entry.ts'

const signing: SigningKeys = { current: 'b', keys: new Map([['a', 'the old secret'], ['b', 'the new secret']]) } // prettier-ignore

const text = fc.oneof(
  fc.constantFrom('', ',', '\n', '\n\n', ':', '~', '😀', 'é', '\0', '{"a":"b, c"}\n', 'w1:1,w2:2'),
  fc.string({ unit: 'grapheme' }),
  fc.json(),
)
const timeMs = fc.integer({ min: 0, max: 9_999_999_999_999 })
const frame: fc.Arbitrary<Frame> = fc.record({
  kind: fc.constantFrom('websocket', 'rest', 'catalogue', 'marker', 'reprocess', 'data_trade', 'data_activity'),
  receivedTimeMs: timeMs,
  sourceReceivedTimeMs: fc.option(timeMs, { nil: undefined }),
  text,
})
const entry: fc.Arbitrary<NewEntry> = fc.record({
  stream: fc.constantFrom('markets', 'orderbook:516710', 'orderbook:1'),
  epoch: fc.constantFrom('1790766966313-0a1b2c3d', '1790766966314-ffffffff'),
  firstOrdinal: fc.integer({ min: 1, max: 2 ** 50 }),
  frames: fc.array(frame, { minLength: 1, maxLength: 6 }),
})

test('an entry comes back as it was packed, whatever its texts hold', () => {
  fc.assert(
    fc.property(entry, (given) => {
      const decoded = decodeEntry(given.stream, ['5-0', encodeEntry(given, signing)], signing)
      expect(decoded).toEqual({ type: 'entry', entry: { ...given, id: '5-0' } })
    }),
  )
})

test('an entry that was changed anywhere is rejected with its raw fields', () => {
  const change = fc.tuple(entry, fc.constantFrom(1, 3, 5, 7, 11), fc.nat(), fc.constantFrom('x', '', '7', ' '))
  fc.assert(
    fc.property(change, ([given, field, at, replacement]) => {
      const fields: string[] = encodeEntry(given, signing)
      const before = fields[field] ?? ''
      const position = before === '' ? 0 : at % before.length
      fields[field] = before.slice(0, position) + replacement + before.slice(position + 1)
      fc.pre(Buffer.compare(Buffer.from(fields[field]), Buffer.from(before)) !== 0)
      const decoded = decodeEntry(given.stream, ['5-0', fields], signing)
      expect(decoded).toMatchObject({ type: 'rejected', reason: 'bad_signature', raw: JSON.stringify(fields) })
    }),
  )
})

test('an entry that was moved to another stream or given another ordinal is rejected', () => {
  fc.assert(
    fc.property(entry, fc.integer({ min: 1, max: 9 }), (given, by) => {
      const fields: string[] = encodeEntry(given, signing)
      expect(decodeEntry(`${given.stream}9`, ['5-0', fields], signing)).toMatchObject({ reason: 'bad_signature' })
      fields[3] = String(given.firstOrdinal + by)
      expect(decodeEntry(given.stream, ['5-0', fields], signing)).toMatchObject({ reason: 'bad_signature' })
    }),
  )
})

const sample: NewEntry = {
  stream: 'orderbook:1',
  epoch: '1790766966313-0a1b2c3d',
  firstOrdinal: 3,
  frames: [{ kind: 'websocket', receivedTimeMs: 1, sourceReceivedTimeMs: undefined, text: '{}' }],
}

test('after a rotation, entries of the old key still verify and new ones are signed with the new key', () => {
  const old = encodeEntry(sample, { current: 'a', keys: new Map([['a', 'the old secret']]) })
  expect(decodeEntry(sample.stream, ['1-0', old], signing).type).toBe('entry')
  expect(encodeEntry(sample, signing)[9]).toBe('b')
})

test('an unknown key id is named, a known one does not verify what another key signed', () => {
  const fields: string[] = encodeEntry(sample, signing)
  fields[9] = 'zz'
  expect(decodeEntry(sample.stream, ['1-0', fields], signing)).toMatchObject({ detail: 'unknown key id "zz"' })
  fields[9] = 'a'
  expect(decodeEntry(sample.stream, ['1-0', fields], signing)).toMatchObject({ reason: 'bad_signature' })
})

test('signing with a key that is not there is refused', () => {
  expect(() => encodeEntry(sample, { current: 'gone', keys: new Map() })).toThrow('gone')
})

test.each([[[]], [['e']], [['e', 'x', 's', '']], [['foo', 'bar', 'k', 'b', 's', '😀']]])(
  'fields that are no entry are rejected: %j',
  (fields) => expect(decodeEntry('markets', ['1-0', fields], signing)).toMatchObject({ type: 'rejected' }),
)
