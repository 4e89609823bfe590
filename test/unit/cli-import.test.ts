import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseImport } from '../../src/cli/polytape/import-command.ts'
import { pmxtId } from '../../src/cli/polytape/import.ts'
import { importText } from '../../src/cli/polytape/import-text.ts'
import { UsageError } from '../../src/cli/polytape/usage.ts'
import { begunPmxt, begunPrices, importDetails } from '../../src/workflows/import-progress.ts'

const NOW = Date.parse('2026-11-23T22:30:00Z')
const parse = (text: string) => parseImport(text.split(' '), NOW)

test('a file is told by where it lies, whatever folder the worker runs in; an address stays as it is', () => {
  expect(parse('pmxt a/hour.parquet')).toEqual({ type: 'pmxt', origin: resolve('a/hour.parquet'), markets: [] })
  expect(parse('pmxt https://r2v2.pmxt.dev/h.parquet --market 5 --market rain')).toEqual({
    type: 'pmxt',
    origin: 'https://r2v2.pmxt.dev/h.parquet',
    markets: ['5', 'rain'],
  })
})

test('prices are of a market, from its beginning until now where nothing else is said', () => {
  expect(parse('prices rain')).toEqual({ type: 'prices', market: 'rain', from: undefined, to: undefined, fidelity: 1 })
  expect(parse('prices rain --from 2d --to 1d --fidelity 60')).toEqual({
    type: 'prices',
    market: 'rain',
    from: '2026-11-21T22:30:00.000Z',
    to: '2026-11-22T22:30:00.000Z',
    fidelity: 60,
  })
})

test.each([
  ['books x', 'import: expected "pmxt" or "prices", got "books"'],
  ['pmxt', 'import pmxt: expected a file or an address'],
  ['pmxt a b', 'import pmxt: expected one, got also "b"'],
  ['pmxt a --from 1d', 'import pmxt takes no --from'],
  ['pmxt https://me:secret@a.dev/h.parquet', 'import pmxt: expected an address without user and password'],
  ['pmxt https://:secret@a.dev/h.parquet', 'import pmxt: expected an address without user and password'],
  ['pmxt https://', 'import pmxt: expected an address of a file'],
  ['prices a --market 5', 'import prices takes no --market'],
  ['prices a --from 1d --to 2d', '--from: expected a time before --to'],
  ['prices a --fidelity 0', '--fidelity: expected minutes between two prices, 1 to 1440, got "0"'],
])('"import %s" is refused with what was expected', (text, reason) => {
  expect(() => parse(text)).toThrow(UsageError)
  expect(() => parse(text)).toThrow(reason)
})

test('the id of an import has nothing of the query of its address, and tells queries and markets apart', () => {
  const address = 'https://a.dev/h.parquet'
  expect(pmxtId(address, [])).toBe(`importPmxt:${address}`)
  const given: [string, string[]][] = [['?key=secret', []], ['?key=secret', ['5']], ['', ['5']], ['#secret', []], ['', []]] // prettier-ignore
  const ids = given.map(([rest, markets]) => pmxtId(`${address}${rest}`, markets))
  expect(new Set(ids).size).toBe(given.length)
  for (const id of ids) expect(id).toMatch(/^importPmxt:https:\/\/a\.dev\/h\.parquet(:[0-9a-f]{8})?$/)
})

test('progress says how far it is, and what became of the rows', () => {
  expect(importText(begunPmxt('/h.parquet'))).toBe('running: reading the file')
  const hour = { version: 'v2' as const, from: '2026-04-20T13:00:00.000Z', to: '2026-04-20T14:00:00.000Z' }
  const figures = {
    rows: 24_000_000,
    staged: 40_000,
    markets: 40,
    marketsDone: 10,
    read: 12_345,
    written: 900,
    refused: 2,
  }
  const half = { ...begunPmxt('/a|b.parquet'), ...hour, ...figures }
  expect(importText(half)).toBe(
    'running: █████░░░░░░░░░░░░░░░ 2026-04-20 13:00Z to 2026-04-20 14:00Z, 10 of 40 markets, 12,345 rows read, 900 written, 2 refused',
  )
  expect(importDetails(half)).toContain('| file | /a\\|b.parquet (v2) |')
  const prices = {
    ...begunPrices('5', hour.to),
    slug: 'rain',
    tokens: ['1', '2'],
    outcome: 1,
    reached: hour.from,
    read: 7,
  }
  expect(importText(prices)).toBe(
    'running: ██████████░░░░░░░░░░ 5 rain, until 2026-04-20 13:00Z, 7 rows read, 0 written',
  )
  expect(importDetails(prices)).toContain('| outcome | 2 of 2 |')
})
