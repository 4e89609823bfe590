import { describe, expect, it } from 'vitest'
import { parseSize, sizeText } from '../../src/cli/query/size.ts'
import { conditionOf } from '../../src/cli/query/scope.ts'
import { QUERY_TABLES, tablesNamed } from '../../src/cli/query/tables.ts'
import { parseCommand } from '../../src/cli/polytape/command.ts'

const NOW = Date.parse('2026-11-23T22:30:00.500Z')
const SPAN = { fromTimeMs: Date.UTC(2026, 9, 1), toTimeMs: Date.UTC(2026, 9, 2) }

describe('query and export', () => {
  it('take a query, markets, a half-open span, and show a table of at most 1 GB unless told otherwise', () => {
    const common = { markets: [], fromTimeMs: undefined, toTimeMs: undefined, output: undefined, maxBytes: 1_000_000_000 }
    expect(parseCommand(['query', 'select 1; '], NOW)).toEqual({ ...common, type: 'query', statement: 'select 1', format: 'table' })
    const options = ['--market', '77', '--market', 'rain', '--from', '2026-10-01', '--to', '2026-10-02', '--max-bytes', '2.5 GB']
    expect(parseCommand(['query', 'select 1', '--format', 'csv', ...options], NOW)).toMatchObject({
      ...SPAN,
      markets: ['77', 'rain'],
      format: 'csv',
      maxBytes: 2_500_000_000,
    })
    expect(parseCommand(['query', 'select 1', '--force'], NOW)).toMatchObject({ maxBytes: Infinity })
  }) // prettier-ignore

  it('name the format by the file where it is not stated, and an export sorts as the archive does', () => {
    expect(parseCommand(['query', 'select 1', '-o', 'a.json'], NOW)).toMatchObject({ format: 'json', output: 'a.json' })
    expect(parseCommand(['export', '--output', 'a'], NOW)).toMatchObject({
      format: 'parquet',
      statement: 'select * from order_books order by outcome_id, captured_at, id',
    })
    expect(parseCommand(['export', '--table', 'fills', '--format', 'csv'], NOW)).toMatchObject({ output: undefined })
  })

  it('refuse what cannot be meant, and say what was expected', () => {
    const said: [string[], string][] = [
      [['query'], 'query: expected a query'],
      [['query', 'select', '1'], 'query: expected one text (quote it), got also "1"'],
      [['query', 'select 1', '--at', 'now'], 'not --at'],
      [['query', 'select 1', '--table', 'fills'], 'not --table'],
      [['query', 'select 1', '--format', 'xml'], '--format: expected table, csv, parquet, json, got "xml"'],
      [['query', 'select 1', '--format', 'parquet'], '--format parquet: expected --output'],
      [['query', 'select 1', '--output', 'a.txt'], '--output: expected with --format'],
      [['query', 'select 1', '--max-bytes', 'much'], '--max-bytes: expected a size such as 500MB'],
      [['query', 'select 1', '--from', '2h', '--to', '3h'], '--from must be before --to'],
      [['export', 'order_books'], 'export: expected options alone, got also "order_books"'],
      [['export', '--table', 'alerts', '-o', 'a.csv'], '--table: expected order_books, '],
    ]
    for (const [args, text] of said) expect(() => parseCommand(args, NOW), args.join(' ')).toThrow(text)
  })

  it('read sizes as people write them, and write them so', () => {
    expect(['500MB', '10 gb', '12', '1.5kB'].map(parseSize)).toEqual([500_000_000, 10_000_000_000, 12, 1_500])
    expect(['', '0', '-1GB', '1TB', 'GB'].map(parseSize)).toEqual(Array.from({ length: 5 }))
    expect([0, 999, 1_000, 12_345_678, 1_500_000_000].map(sizeText)).toEqual(['0 bytes', '999 bytes', '1.0 kB', '12 MB', '1.5 GB'])
  }) // prettier-ignore
})

describe('what a query reads', () => {
  const named = (statement: string): string[] => tablesNamed(statement).map(({ name }) => name)

  it('is the tables whose names stand in it, in any spelling and depth, and no others', () => {
    expect(named('with a as (select * from Fills) select * from a join "ORDER_BOOKS" using (outcome_id)')).toEqual(['order_books', 'fills'])
    expect(named('select my_fills, order_books_later from read_csv(x)')).toEqual([])
    expect(named('from markets m, outcomes')).toEqual(['markets', 'outcomes'])
  }) // prettier-ignore

  it('is within the scope, and a text of a person cannot leave its quotes', () => {
    const markets = { marketIds: ["7' or true --"], outcomeIds: ['7:0'] }
    const conditions = QUERY_TABLES.map((table) => [table.name, conditionOf(table, { markets, ...SPAN })])
    const byName = new Map(conditions.map(([name, condition]) => [name, condition]))
    expect(byName.get('order_books')).toBe(
      "market_id in ('7'' or true --') and outcome_id in ('7:0') and " +
        "captured_at >= timestamptz '2026-10-01T00:00:00.000Z' and captured_at < timestamptz '2026-10-02T00:00:00.000Z'",
    )
    expect(byName.get('liquidity_events')).toContain("(outcome_id is null or outcome_id in ('7:0'))")
    expect(byName.get('markets')).toBe("market_id in ('7'' or true --')")
    expect(byName.get('feed_gaps')).toMatch(/coalesce\(closed_at, 'infinity'\) > .* and opened_at < /)
  })
})
