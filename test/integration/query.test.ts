import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../support/normalizer-shard.ts'
import { ScanTooLarge } from '../../src/cli/query/scan-limit.ts'
import type { Scope } from '../../src/cli/query/scope.ts'
import type { History } from '../support/as-of-history.ts'
import { askQuery, openFolder, recordMarkets, type Answered, type TestFolderPath } from '../support/query-tape.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const MIDNIGHT_MS = Date.UTC(2026, 9, 2)
const HOUR_MS = 3_600_000
const EVERYTHING: Scope = { markets: undefined, fromTimeMs: undefined, toTimeMs: undefined }

let database: TestDatabase
let histories: History[]
let folder: TestFolderPath

beforeAll(async () => {
  folder = openFolder()
  database = await createDatabase()
  histories = await recordMarkets(database.pool, ['71', '72'], MIDNIGHT_MS)
  // The largest that the column takes: it is read another way than all others.
  await database.pool.query(
    `update order_books set size = 999999999999999999.999999 where outcome_id = '71:0' and sequence = 1`,
  )
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const nothingArchived = { objectFolders: [], openObject: () => Promise.reject(new Error('nothing is archived')) }

const ask = (statement: string, scope: Partial<Scope> = {}, maxBytes = Infinity): Promise<Answered> =>
  askQuery(database.pool, nothingArchived, { statement, scope: { ...EVERYTHING, ...scope }, maxBytes })

test('a query sees each row of Postgres once, with every value as it is stored', async () => {
  const { rows, read } = await ask(
    `select id, sequence, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind, source
     from order_books order by outcome_id, captured_at, id`,
  )
  const stored = await database.pool.query<{ texts: string[] }>(
    `select array[id::text, sequence::text, to_char(captured_at at time zone 'utc', 'YYYY-MM-DD HH24:MI:SS.US'), price::text,
       size::text, market_id, outcome_id, side, kind, source] as texts
     from order_books order by outcome_id collate "C", captured_at, id`,
  )
  const instant = (text: string | null | undefined): string => `${text?.slice(0, 19)}.${(text?.slice(19) ?? '').replace(/^\.|\+00$/g, '').padEnd(6, '0')}` // prettier-ignore
  const shown = rows.map(([id, sequence, at, , , ...rest]) => [id, sequence, instant(at), ...rest])
  expect(shown).toEqual(stored.rows.map(({ texts }) => texts))
  expect(rows.some((row) => row.includes('999999999999999999.999999'))).toBe(true)
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
  await expect(ask("select * from fills, read_text('/etc/hostname')")).rejects.toThrow('Cannot access file')
})

type Ran = { code: number | null; out: string; errors: string }

/** The command as people run it; its temporary files go to the folder. */
const start = (args: string[]): ChildProcessWithoutNullStreams => {
  const given = { DATABASE_URL: database.url, POLYTAPE_STATE_DIR: folder.path, TMPDIR: folder.path }
  return spawn(process.execPath, ['scripts/run.mjs', 'src/cli/polytape.ts', ...args], {
    env: { ...process.env, ...given },
  })
}

const run = (...args: string[]): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = start(args)
    const text = { out: '', errors: '' }
    child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text.errors += chunk.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...text }))
  })

const leftovers = (): string[] => readdirSync(folder.path).filter((name) => /^polytape-|partial/.test(name))

test('query prints a table for people, and says apart from it what was read', async () => {
  const ran = await run(
    'query',
    "select 'x' as word, 0.5 as number, null as nothing union all select 'longer', 12, 'a' order by 2",
  )
  expect(ran.code).toBe(0)
  expect(ran.out).toBe('word    number  nothing\nx          0.5\nlonger    12.0  a\n(2 rows)\n')
  expect(ran.errors).toContain('read 0 rows (0 bytes) of Postgres and 0 objects (0 bytes) of the archive\n')
  const one = await run('query', 'select count(*) as n from order_books', '--market', 'will-it-rain-71')
  expect(one.errors).toMatch(/read \d{3,} rows \(\d+ kB\) of Postgres and 0 objects/)
  expect(leftovers()).toEqual([])
})

test('CSV and JSON go to stdout whole, with prices as exact texts', async () => {
  const statement =
    'select price, size, question from order_books join markets using (market_id) where price = 0.07 limit 1'
  const csv = await run('query', statement, '--format', 'csv')
  expect(csv.out).toMatch(/^price,size,question\n0\.070000,[\d.]+,"Will it rain,\n""really"", in 7\d\?"\n$/)
  const json = await run('query', statement, '--format', 'json')
  expect(JSON.parse(json.out)).toEqual([
    { price: '0.070000', size: expect.stringMatching(/^\d+\.\d{6}$/), question: expect.stringContaining('"really"') },
  ])
  expect(leftovers()).toEqual([])
})

test('export writes a file of sorted rows that other tools read, whole or not at all', async () => {
  const path = join(folder.path, 'books.parquet')
  const ran = await run('export', '--market', '71', '--output', path)
  expect(ran.code).toBe(0)
  const own = histories.filter(({ marketId }) => marketId === '71').flatMap(({ rows }) => rows)
  expect(ran.errors).toContain(`wrote ${own.length} rows to ${path}`)
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const read = await connection.runAndReadAll(`select outcome_id, captured_at, id from '${path}'`)
  const sorted = await connection.runAndReadAll(`select outcome_id, captured_at, id from '${path}' order by all`)
  expect(read.currentRowCount).toBe(own.length)
  expect(read.getRowsJson()).toEqual(sorted.getRowsJson())
  const types = await connection.runAndReadAll(
    `select column_type from (describe from '${path}') where column_name in ('price', 'captured_at') order by 1`,
  )
  expect(types.getRowsJson()).toEqual([['DECIMAL(18,6)'], ['TIMESTAMP WITH TIME ZONE']])
  const before = readFileSync(path)
  const refused = await run('export', '--output', path, '--max-bytes', '5kB')
  expect(refused.code).toBe(1)
  expect(refused.errors).toMatch(/polytape: expected to read at most 5.0 kB, this would read about/)
  expect(readFileSync(path)).toEqual(before)
  expect(leftovers()).toEqual([])
})

const endBy = async (signal: NodeJS.Signals): Promise<unknown> => {
  const path = join(folder.path, 'endless.csv')
  const child = start(['query', 'select * from range(1000000000000)', '--output', path])
  const closed = once(child, 'close')
  await until('the file is begun', () => leftovers().some((name) => name.includes('partial')))
  child.kill(signal)
  return (await closed)[0]
}

test.each([
  ['Ctrl-C', 'SIGINT', 130],
  ['a closed terminal', 'SIGHUP', 129],
] as const)('%s ends a query at once and leaves nothing behind', async (_, signal, code) => {
  expect(await endBy(signal)).toBe(code)
  expect(leftovers()).toEqual([])
})
