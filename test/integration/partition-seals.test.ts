import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/services.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
}, 60_000)
afterAll(() => database[Symbol.asyncDispose]())

const valueOf = async <T>(pool: pg.Pool, call: string): Promise<T | undefined> =>
  (await pool.query<{ value: T }>(`select ${call} as value`)).rows[0]?.value

const insertInto = (table: string, day: string) => `
  insert into ${table} (id, captured_at, price, size, market_id, outcome_id, side, kind)
  values (65536, '${day} 12:00:00+00', 0.5, 1, '1', '1:0', 'bid', 'change')`

const drop = (day: string): string =>
  `drop_partition('order_books', '${day}', (select sealed_at from partition_seals where day = '${day}'))`

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )

test('a sealed day takes no insert, update, delete or truncation, is read as before, and takes them again once unsealed', async () => {
  const { pool } = database
  const day = '2026-10-01'
  expect(await valueOf(pool, `ensure_order_books_partition('${day}')`)).toBe('order_books_20261001')
  await pool.query(insertInto('order_books', day))
  const since = await valueOf<Date>(pool, `seal_partition('order_books', '${day}')`)
  expect(await valueOf<Date>(pool, `seal_partition('order_books', '${day}')`)).toEqual(since)
  await expect(pool.query(insertInto('order_books', day))).rejects.toMatchObject({
    code: '23S01',
    message: expect.stringMatching(/^order_books_20261001 is sealed for the archive since 20\d\d-/),
    hint: 'Rows of that day go to order_books_later.',
  })
  for (const sql of [
    'update order_books set size = 2',
    'delete from order_books',
    'truncate order_books',
    'truncate order_books_20261001',
  ]) {
    expect(await codeOf(pool.query(sql)), sql).toBe('23S01')
  }
  expect((await pool.query('select from order_books')).rowCount).toBe(1)
  await pool.query(insertInto('order_books_later', day))
  expect(await valueOf(pool, `unseal_partition('order_books', '${day}')`)).toBe(true)
  expect(await valueOf(pool, `unseal_partition('order_books', '${day}')`)).toBe(false)
  expect((await pool.query('delete from order_books')).rowCount).toBe(1)
})

test('a seal waits for those who write to its day, and holds up no reader of the table', async () => {
  const { pool } = database
  await pool.query(`select ensure_order_books_partition('2026-10-02')`)
  const [writer, reader] = [await pool.connect(), await pool.connect()]
  await reader.query('begin; select from order_books')
  await writer.query('begin')
  await writer.query(insertInto('order_books', '2026-10-02'))
  expect(await codeOf(pool.query(`select seal_partition('order_books', '2026-10-02')`))).toBe('55P03')
  expect((await pool.query('select from partition_seals where day = $1', ['2026-10-02'])).rowCount).toBe(0)
  await writer.query('commit')
  await pool.query(`select seal_partition('order_books', '2026-10-02')`)
  await reader.query('commit')
  writer.release()
  reader.release()
})

test('only a sealed day is dropped, once, and gets no partition again but by a restore', async () => {
  const { pool } = database
  const day = '2026-10-03'
  await pool.query(`select ensure_order_books_partition('${day}')`)
  expect(await codeOf(pool.query(`select ${drop(day)}`))).toBe('55000')
  await pool.query(`select seal_partition('order_books', '${day}')`)
  expect(await valueOf(pool, `ensure_order_books_partition('${day}')`)).toBeNull()
  expect(await valueOf(pool, `${drop(day)}`)).toBe('order_books_20261003')
  expect(await valueOf(pool, `${drop(day)}`)).toBeNull()
  expect(await valueOf(pool, `ensure_order_books_partition('${day}')`)).toBeNull()
  expect(await valueOf(pool, `to_regclass('order_books_20261003')`)).toBeNull()
  await expect(pool.query(`select unseal_partition('order_books', '${day}')`)).rejects.toMatchObject({
    code: '55000',
    hint: expect.stringContaining('restorePartition'),
  })
  await pool.query('create table order_books_20261003 (like order_books including all)')
  await pool.query(
    `alter table order_books attach partition order_books_20261003 for values from ('2026-10-03Z') to ('2026-10-04Z')`,
  )
  expect(await valueOf(pool, `unseal_partition('order_books', '${day}')`)).toBe(true)
  await pool.query(insertInto('order_books', day))
})

test('a day is dropped under the seal that the caller knows, and under no other', async () => {
  const { pool } = database
  const day = '2026-10-05'
  await pool.query(`select ensure_partition('order_books', '${day}'), seal_partition('order_books', '${day}')`)
  const since = await valueOf(pool, `(select sealed_at::text from partition_seals where day = '${day}')`)
  await pool.query(`select unseal_partition('order_books', '${day}')`)
  await pool.query(insertInto('order_books', day))
  await pool.query(`select seal_partition('order_books', '${day}')`)
  for (const other of [`'${String(since)}'`, 'null']) {
    expect(await codeOf(pool.query(`select drop_partition('order_books', '${day}', ${other})`)), other).toBe('55000')
  }
  expect((await pool.query('select from order_books_20261005')).rowCount).toBe(1)
  expect(await valueOf(pool, drop(day))).toBe('order_books_20261005')
})

test('a drop gives up where a reader holds the table, and what it would have dropped is still there', async () => {
  const { pool } = database
  const day = '2026-10-04'
  await pool.query(`select ensure_order_books_partition('${day}'), seal_partition('order_books', '${day}')`)
  const reader = await pool.connect()
  await reader.query('begin; select from order_books')
  expect(await codeOf(pool.query(`select ${drop(day)}`))).toBe('55P03')
  expect(await valueOf(pool, `(select dropped_at from partition_seals where day = '${day}')`)).toBeNull()
  expect(await valueOf(pool, `to_regclass('order_books_20261004')::text`)).toBe('order_books_20261004')
  await reader.query('commit')
  reader.release()
  expect(await valueOf(pool, `${drop(day)}`)).toBe('order_books_20261004')
})

test('a day that is not over and a day without a partition cannot be sealed', async () => {
  const { pool } = database
  const today = new Date().toISOString().slice(0, 10)
  await pool.query(`select ensure_order_books_partition('${today}')`)
  expect(await codeOf(pool.query(`select seal_partition('order_books', '${today}')`))).toBe('55000')
  expect(await codeOf(pool.query(`select seal_partition('order_books', '2026-09-01')`))).toBe('42P01')
})
