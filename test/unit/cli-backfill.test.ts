import { expect, test } from 'vitest'
import { parseCommand } from '../../src/cli/backfill/command.ts'
import { UsageError } from '../../src/cli/polytape/usage.ts'
import { progressText } from '../../src/cli/backfill/progress-text.ts'
import { backfillDetails, begunProgress } from '../../src/workflows/backfill-progress.ts'

const NOW = Date.parse('2026-11-23T22:30:00.500Z')
const parse = (text: string) => parseCommand(text === '' ? [] : text.split(' '), NOW)

test('a backfill is a market and a span, its instants as people write them', () => {
  expect(parse('trades --market 516710 --from 2026-11-20 --to 2h')).toEqual({
    type: 'trades',
    market: '516710',
    from: '2026-11-20T00:00:00.000Z',
    to: '2026-11-23T20:30:00.500Z',
  })
  expect(parse('trades --market will-it-rain --from 1d')).toMatchObject({ market: 'will-it-rain', to: undefined })
})

test('without words it says how it is used', () => {
  for (const text of ['', '--help', 'trades -h']) expect(parse(text)).toEqual({ type: 'help' })
})

test.each([
  ['books --market 1 --from 1d', 'expected "trades", got "books"'],
  ['trades --from 1d', '--market: expected a value, got nothing'],
  ['trades --market 1', '--from: expected a value, got nothing'],
  ['trades --market 1 --from 1h --to 2h', '--from: expected a time before --to'],
  ['trades --market 1 --from 1d --depth 3', '--depth'],
])('%s is refused with what was expected', (text, reason) => {
  expect(() => parse(text)).toThrow(UsageError)
  expect(() => parse(text)).toThrow(reason)
})

test('an instant that is none is refused', () => {
  expect(() => parse('trades --market 1 --from yesterday')).toThrow('--from: expected a time, got "yesterday"')
})

test('progress says how far back it is, what it found, and where the venue shows no more', () => {
  const from = '2026-11-20T00:00:00.000Z'
  const begun = begunProgress({ market: '516710', from, to: '2026-11-23T00:00:00.000Z' })
  expect(progressText(begun)).toBe('running: 516710, nothing read yet, 0 fills in 0 pages')
  const reached = '2026-11-21T10:00:00.000Z'
  const cut = { ...begun, state: 'done' as const, slug: 'a|b', reached, pages: 21, fills: 10_480, isCut: true }
  expect(progressText(cut)).toBe(
    'done: 516710 a|b, back to 2026-11-21 10:00Z of 2026-11-20 00:00Z, 10480 fills in 21 pages; the venue shows no older fills',
  )
  expect(backfillDetails(cut)).toContain('| state | **done**, but the venue shows no older fills |')
  expect(backfillDetails(cut)).toContain('| market | 516710 (a\\|b) |')
})
