import { afterAll, beforeAll, expect, test } from 'vitest'
import { ScanTooLarge } from '../../src/cli/query/scan-limit.ts'
import type { Scope } from '../../src/cli/query/scope.ts'
import type { History } from '../support/as-of-history.ts'
import { askQuery, recordMarkets, type Answered } from '../support/query-tape.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const MIDNIGHT_MS = Date.UTC(2026, 9, 2)
const HOUR_MS = 3_600_000
const EVERYTHING: Scope = { markets: undefined, fromTimeMs: undefined, toTimeMs: undefined }

let database: TestDatabase
let histories: History[]

beforeAll(async () => {
  database = await createDatabase()
  histories = await recordMarkets(database.pool, ['71', '72'], MIDNIGHT_MS)
})
afterAll(() => database[Symbol.asyncDispose]())

const nothingArchived = () => Promise.reject(new Error('nothing is archived'))

const ask = (statement: string, scope: Partial<Scope> = {}, maxBytes = Infinity): Promise<Answered> =>
  askQuery(database.pool, nothingArchived, { statement, scope: { ...EVERYTHING, ...scope }, maxBytes })

test('a query sees each row of Postgres once, with every value as it is stored', async () => {
  const { rows, read } = await ask('select * from order_books order by outcome_id, captured_at, id')
  const stored = await database.pool.query<{ texts: string[] }>(
    `select array[id::text, sequence::text, to_char(captured_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US'), price::text,
       size::text, market_id, outcome_id, side, kind, source] as texts
     from order_books order by outcome_id collate "C", captured_at, id`,
  )
  const instant = (text: string | null | undefined): string => `${text?.slice(0, 19)}.${(text?.slice(19) ?? '').replace(/^\.|\+00$/g, '').padEnd(6, '0')}` // prettier-ignore
  const shown = rows.map(([id, sequence, at, , , ...rest]) => [id, sequence, instant(at), ...rest])
  expect(shown).toEqual(stored.rows.map(({ texts }) => texts))
  expect(read.hotRows).toBe(histories.reduce((sum, { rows: { length } }) => sum + length, 0))
})

test('only the rows of the markets and the span that are asked for are read', async () => {
  const [fromTimeMs, toTimeMs] = [MIDNIGHT_MS + HOUR_MS, MIDNIGHT_MS + 5 * HOUR_MS]
  const markets = { marketIds: ['72'], outcomeIds: ['72:1'] }
  const { rows, read } = await ask('select count(*) from order_books', { markets, fromTimeMs, toTimeMs })
  const expected = histories
    .filter(({ outcomeId }) => outcomeId === '72:1')
    .flatMap((history) => history.rows)
    .filter(({ capturedTimeMs }) => capturedTimeMs >= fromTimeMs && capturedTimeMs < toTimeMs).length
  expect(expected).toBeGreaterThan(50)
  expect(rows).toEqual([[String(expected)]])
  expect(read.hotRows).toBe(expected)
})

test('tables that a query does not name are not read, those in a CTE or in capitals are', async () => {
  expect((await ask('select 1')).read.hotRows).toBe(0)
  const { rows, read } = await ask('with m as (select * from MARKETS) select question from m order by market_id')
  expect(rows[0]).toEqual(['Will it rain,\n"really", in 71?'])
  expect(read.hotRows).toBe(2)
})

test('a scan above the limit is refused before a row is read, and says how to narrow or allow it', async () => {
  await database.pool.query('analyze order_books')
  const refused = ask('select * from order_books', {}, 10_000)
  await expect(refused).rejects.toThrow(ScanTooLarge)
  await expect(refused).rejects.toThrow(/at most 10 kB, this would read about .*--max-bytes 10GB, or any by --force/s)
})

test('what is no query, or several, or names what is not there, changes nothing and says so', async () => {
  await expect(ask('create table mine as select * from fills')).rejects.toThrow('expected a query')
  await expect(ask('select 1; select 2')).rejects.toThrow('expected one query, got 2')
  await expect(ask('select nope from order_books')).rejects.toThrow('"nope" not found')
})
