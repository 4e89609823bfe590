import { afterEach, expect, test } from 'vitest'
import { ORDER_BOOKS, postgresColumns } from '../../src/archive/tables.ts'
import { columnDifference } from '../../src/store/archive-columns.ts'
import { fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const LATER = { ...NAME, part: 1 }
const { at, pool, ask, drop, countRows, places } = await openArchiveDays(ROWS)

afterEach(async () => {
  for (const table of ['order_books', 'order_books_later'])
    await ask(`alter table ${table} drop column if exists extra`)
  await ask('drop table if exists other')
})

test('the archive knows each column of the tables that the migrations make', async () => {
  expect(await columnDifference(pool, 'order_books', postgresColumns(ORDER_BOOKS, 0))).toBeUndefined()
  expect(await columnDifference(pool, 'order_books_later', postgresColumns(ORDER_BOOKS, 1))).toBeUndefined()
})

test('a column that is unknown, missing or of another type is named', async () => {
  await ask('create table other (id int, outcome_id text, extra text)')
  const known = { ...ORDER_BOOKS, columns: ORDER_BOOKS.columns.slice(0, 3) }
  const found = await columnDifference(pool, 'other', postgresColumns(known, 0))
  for (const text of [
    'other has id integer',
    'other has extra text',
    'other lacks captured_at timestamp with time zone',
    'other lacks id bigint',
  ]) {
    expect(found).toContain(text)
  }
})

test('a day with a column that the archive does not know is not proved', async () => {
  await ask(`alter table order_books add column extra text default 'only here'`)
  const verdict = await at.archive.archive(NAME)
  expect(verdict).toMatchObject({ type: 'differs', detail: expect.stringContaining('has extra text') })
  expect(await places()).toEqual([])
})

test('rows are not dropped that got a column since their proof, whichever part they are', async () => {
  await at.archive.archive(NAME)
  await ask(`alter table order_books add column extra text default 'only here'`)
  expect(await drop(NAME)).toMatchObject({ type: 'differs', detail: expect.stringContaining('has extra text') })
  expect(await countRows()).toBe(ROWS)
  await ask('alter table order_books drop column extra')
  expect(await drop(NAME)).toEqual({ type: 'done' })

  await fillLater(pool, [1, 2, 3])
  await at.archive.archive(LATER)
  await ask(`alter table order_books_later add column extra text default 'only here'`)
  expect(await drop(LATER)).toMatchObject({ type: 'differs', detail: expect.stringContaining('has extra text') })
  expect(await countRows('order_books_later')).toBe(3)
  expect((await places()).map(({ place }) => place)).toEqual(['object', 'both'])
})
