import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromMillionths, fromScaled, toBigMillionths, toMillionths, toScaled } from '../../src/domain/decimal.ts'

const millionths = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

test('a number of millionths survives the way to its text and back, exactly', () => {
  fc.assert(fc.property(millionths, (value) => toMillionths(fromMillionths(value)) === value))
})

test('a canonical text survives the way to millionths and back', () => {
  const text = fc
    .tuple(fc.integer({ min: 0, max: 999_999_999 }), fc.stringMatching(/^(\d{0,5}[1-9])?$/))
    .map(([whole, fraction]) => (fraction === '' ? String(whole) : `${whole}.${fraction}`))
  fc.assert(fc.property(text, (given) => fromMillionths(toMillionths(given) ?? -1) === given))
})

test('trailing zeros do not change the value', () => {
  expect(toMillionths('0.490')).toBe(toMillionths('0.49'))
  expect(toMillionths('1.000000')).toBe(1_000_000)
})

test.each(['', ' ', '.5', '5.', '-1', '+1', '1e3', '1E-3', '0x10', '1,5', 'NaN', 'Infinity', '٣', '1 ', '\n1', '1\n'])(
  'what is no plain decimal is refused: %j',
  (text) => expect(toMillionths(text)).toBeUndefined(),
)

test.each(['0.1234567', '0.0000000', '9007199254.740992', '9999999999', '12345678901', '1'.repeat(400)])(
  'what would not be exact is refused: %s',
  (text) => expect(toMillionths(text)).toBeUndefined(),
)

test('the largest exact decimal is taken', () => {
  expect(toMillionths('9007199254.740991')).toBe(Number.MAX_SAFE_INTEGER)
})

test('units of any size and sign survive the way to their text and back, exactly', () => {
  const units = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })
  fc.assert(fc.property(units, fc.constantFrom(6, 12), (value, places) => toScaled(fromScaled(value, places), places) === value)) // prettier-ignore
  expect(fromScaled(-1n, 12)).toBe('-0.000000000001')
  expect(() => toScaled('0.1234567', 6)).toThrow('at most 6 places')
})

test('big millionths are those of the number, and anything but a decimal of ours is refused', () => {
  fc.assert(fc.property(millionths, (value) => toBigMillionths(fromMillionths(value)) === BigInt(value)))
  for (const text of ['', '-1', '1e3', '0.1234567', '.5'])
    expect(() => toBigMillionths(text)).toThrow('expected a decimal')
})
