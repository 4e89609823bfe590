import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDuckdb } from '../../src/archive/duckdb.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { DAY, fillDay, fillLater, forgetDay, NAME, openTestArchive, type TestArchive } from '../support/archive-day.ts'
import { flipBit, keyOf, openLook, PARTITION } from '../support/archive-look.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

const ROWS = 4_000
const LATER = { ...NAME, part: 1 }

let database: TestDatabase
let archive: TestArchive
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())
beforeEach(async () => {
  await forgetDay(database.pool)
  await fillDay(database.pool, ROWS)
  archive = openTestArchive(database.pool)
  return () => archive[Symbol.asyncDispose]()
})

const { ask, isAttached, manifest, objectPath, totalsOf } = openLook(
  () => database.pool,
  () => archive,
)

const query = async (sql: string): Promise<Record<string, unknown>[]> => {
  using duckdb = await openDuckdb({ memoryBytes: 128_000_000, threads: 1, folder: archive.folder })
  return (await duckdb.connection.runAndReadAll(sql)).getRowObjectsJson()
}

test('a day becomes one Parquet object, sorted by outcome and time, with the types that readers are promised', async () => {
  expect(await archive.archive(NAME)).toEqual({ type: 'done' })
  const path = objectPath(keyOf(0))
  const described = await query(`describe select * from read_parquet('${path}', hive_partitioning = false)`)
  expect(described.map((row) => `${String(row['column_name'])} ${String(row['column_type'])}`)).toEqual([
    'outcome_id VARCHAR',
    'captured_at TIMESTAMP WITH TIME ZONE',
    'id BIGINT',
    'sequence BIGINT',
    'market_id VARCHAR',
    'side VARCHAR',
    'kind VARCHAR',
    'price DECIMAL(18,6)',
    'size DECIMAL(24,6)',
    'source_ts TIMESTAMP WITH TIME ZONE',
    'source_received_at TIMESTAMP WITH TIME ZONE',
    'source VARCHAR',
  ])
  const unsorted = `select count(*)::int as n from (select (outcome_id, captured_at, id) as k, lag(k) over (order by file_row_number) as before
    from read_parquet('${path}', file_row_number = true)) where before >= k`
  expect(await query(unsorted)).toEqual([{ n: 0 }])
  const about = `select distinct compression, stats_min is not null as bounded from parquet_metadata('${path}') where path_in_schema in ('outcome_id', 'captured_at')`
  expect(await query(about)).toEqual([{ compression: 'ZSTD', bounded: true }])
})

test('every value of the object is the one in Postgres, absent and empty, quoted and twenty-four digits wide', async () => {
  await archive.archive(NAME)
  const columns = ORDER_BOOKS.columns.map(({ name, type }) =>
    type === 'instant' ? `epoch_us(${name})` : `${name}::text`,
  )
  const inObject = await query(
    `select concat_ws('~', ${columns.map((c) => `coalesce(${c}::text, '(absent)')`).join(', ')}) as row from '${objectPath(keyOf(0))}' order by 1`,
  )
  const micros = (name: string): string => `(extract(epoch from ${name}) * 1000000)::bigint`
  const asked = ORDER_BOOKS.columns.map(({ name, type }) => (type === 'instant' ? micros(name) : name))
  const inPostgres = await ask(
    `select concat_ws('~', ${asked.map((c) => `coalesce(${c}::text, '(absent)')`).join(', ')}) as row from order_books order by 1`,
  )
  const sorted = (rows: Record<string, unknown>[]): string[] => rows.map((row) => String(row['row'])).toSorted()
  expect(inPostgres).toHaveLength(ROWS)
  expect(sorted(inObject)).toEqual(sorted(inPostgres as Record<string, unknown>[]))
})

test('the manifest says what the object is, and the rows stay readable in Postgres until they are dropped', async () => {
  await archive.archive(NAME)
  const [found] = await manifest()
  expect(found).toMatchObject({ day: DAY, part: 0, key: keyOf(0), rows: ROWS, isDropped: false })
  expect(found?.firstCapturedAt).toBe(`${DAY}T00:00:00.000001Z`)
  expect(found?.bytes).toBe((await archive.deps.store.head(keyOf(0)))?.bytes)
  expect(await isAttached()).toBe(true)
  expect(await archive.run(archive.activities.dropPart, NAME)).toEqual({ type: 'done' })
  expect(await isAttached()).toBe(false)
  expect((await manifest())[0]).toMatchObject({ isDropped: true })
  expect(await archive.run(archive.activities.dropPart, NAME)).toEqual({ type: 'done' })
})

test('nothing is dropped that was not proved', async () => {
  await archive.activities.sealRows(NAME)
  await archive.run(archive.activities.writePart, { name: NAME, sealedAt: null, isAnew: false })
  await expect(archive.run(archive.activities.dropPart, NAME)).rejects.toThrow('to be proved')
  expect(await isAttached()).toBe(true)
})

test('one bit that flips in the object is found, nothing is dropped, and writing it anew mends it', async () => {
  const sealedAt = await archive.activities.sealRows(NAME)
  const written = await archive.run(archive.activities.writePart, { name: NAME, sealedAt, isAnew: false })
  await flipBit(objectPath(keyOf(0)), Math.floor(written.bytes / 2))
  const verdict = await archive.run(archive.activities.provePart, { name: NAME, written, sealedAt })
  expect(verdict).toMatchObject({ type: 'differs' })
  expect(await manifest()).toEqual([])
  expect(await archive.archive(NAME, { isAnew: true })).toEqual({ type: 'done' })
})

test('a bit that flips after the proof keeps the rows in Postgres', async () => {
  await archive.archive(NAME)
  await flipBit(objectPath(keyOf(0)), 1_000)
  expect(await archive.run(archive.activities.dropPart, NAME)).toMatchObject({ type: 'forgotten' })
  expect(await isAttached()).toBe(true)
  expect(await totalsOf('order_books')).toMatchObject({ rows: String(ROWS) })
})

test('a row that the object lacks, or has with another value, is a difference that says which', async () => {
  const sealedAt = await archive.activities.sealRows(NAME)
  const written = await archive.run(archive.activities.writePart, { name: NAME, sealedAt, isAnew: false })
  await database.pool.query(`alter table ${PARTITION} disable trigger all`)
  await database.pool.query(
    `update ${PARTITION} set price = price + 0.000001 where id = (select max(id) from ${PARTITION})`,
  )
  const verdict = await archive.run(archive.activities.provePart, { name: NAME, written, sealedAt })
  expect(verdict).toMatchObject({ type: 'differs', detail: expect.stringContaining('checksum') })
  await database.pool.query(`delete from ${PARTITION} where id = (select max(id) from ${PARTITION})`)
  const fewer = await archive.run(archive.activities.provePart, { name: NAME, written, sealedAt })
  expect(fewer).toMatchObject({ type: 'differs', detail: expect.stringContaining(`rows: ${ROWS - 1} in Postgres`) })
  expect(await manifest()).toEqual([])
})

test('a proof stands for the seal it was made under: of a day that was opened and sealed again nothing is dropped', async () => {
  await archive.archive(NAME)
  await database.pool.query(`select unseal_partition('order_books', $1)`, [DAY])
  await archive.activities.sealRows(NAME)
  expect(await archive.run(archive.activities.dropPart, NAME)).toMatchObject({ type: 'differs' })
  expect(await isAttached()).toBe(true)
  const at = `${DAY}T12:00:00Z`
  const steps = await archive.run(archive.activities.planArchive, { at, day: DAY })
  expect(steps).toEqual([{ ...NAME, type: 'write' }])
})

test('a lock on the table leaves manifest and partition as they are, and the drop succeeds once it is gone', async () => {
  await archive.archive(NAME)
  const reader = await database.pool.connect()
  await reader.query('begin; select count(*) from order_books')
  await expect(archive.run(archive.activities.dropPart, NAME)).rejects.toMatchObject({ code: '55P03' })
  expect((await manifest())[0]).toMatchObject({ isDropped: false })
  expect(await isAttached()).toBe(true)
  await reader.query('commit')
  reader.release()
  expect(await archive.run(archive.activities.dropPart, NAME)).toEqual({ type: 'done' })
})

test('rows that came later become a further part, and leave Postgres when it is dropped', async () => {
  const plan = () => archive.run(archive.activities.planArchive, { at: `${DAY}T00:00:00Z`, day: DAY })
  await fillLater(database.pool, [1, 2, 3])
  expect(await plan()).toEqual([{ ...NAME, type: 'write' }])
  await archive.archive(NAME)
  expect(await plan()).toEqual([
    { ...LATER, type: 'write' },
    { ...NAME, type: 'drop' },
  ])
  await archive.archive(LATER)
  await fillLater(database.pool, [4])
  await archive.run(archive.activities.dropPart, NAME)
  expect(await plan()).toEqual([
    { ...LATER, part: 2, type: 'write' },
    { ...LATER, type: 'drop' },
  ])
  expect(await archive.run(archive.activities.dropPart, LATER)).toEqual({ type: 'done' })
  expect(await ask('select id::int from order_books_later')).toEqual([{ id: 4 }])
  expect((await manifest()).map(({ part, rows, isDropped }) => [part, rows, isDropped])).toEqual([
    [0, ROWS, true],
    [1, 3, true],
  ])
})

test('later rows that changed since their proof stay in Postgres', async () => {
  await archive.archive(NAME)
  await archive.run(archive.activities.dropPart, NAME)
  await fillLater(database.pool, [1, 2, 3])
  await archive.archive(LATER)
  await database.pool.query('update order_books_later set price = 0.6 where id = 2')
  expect(await archive.run(archive.activities.dropPart, LATER)).toMatchObject({ type: 'differs' })
  expect(await ask('select id from order_books_later')).toHaveLength(3)
  expect((await manifest())[1]).toMatchObject({ isDropped: false })
})

test('days are named by the instant: up to thirty days before it, oldest first, and no proof is older than its time of grace', async () => {
  await fillDay(database.pool, 10, '2026-06-04')
  const at = (text: string) => archive.run(archive.activities.planArchive, { at: text, day: undefined })
  expect(await at('2026-07-03T23:59:59Z')).toEqual([])
  expect((await at('2026-07-04T02:40:00Z')).map(({ day }) => day)).toEqual(['2026-06-04'])
  expect((await at('2026-07-05T02:40:00Z')).map(({ day }) => day)).toEqual(['2026-06-04', DAY])
  await database.pool.query('drop table order_books_20260604')
  await using patient = openTestArchive(database.pool, { graceHours: 24 })
  await patient.archive(NAME)
  const plan = () => patient.run(patient.activities.planArchive, { at: '2026-07-05T02:40:00Z', day: undefined })
  expect(await plan()).toEqual([])
  await database.pool.query(`update archives set proved_at = proved_at - interval '24 hours'`)
  expect(await plan()).toEqual([{ ...NAME, type: 'drop' }])
})

test('a day with instants of any age is proved: absurd ones of the venue hinder nobody', async () => {
  const instants = [
    '0001-01-01 00:00:00+00',
    '1600-02-29 12:34:56.123457+00',
    '1969-12-31 23:59:59.999999+00',
    '2200-01-01 00:00:00.123457+00',
    '9999-12-31 23:59:59.999999+00',
    '58000-01-01 00:00:00.123457+00',
  ]
  for (const [index, at] of instants.entries()) {
    const [column, sequence] = [index % 2 === 0 ? 'source_ts' : 'source_received_at', index + 1]
    await database.pool.query(`update order_books set ${column} = $1 where sequence = $2`, [at, sequence])
  }
  expect(await archive.archive(NAME)).toEqual({ type: 'done' })
})
