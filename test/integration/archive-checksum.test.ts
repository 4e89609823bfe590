import { tmpdir } from 'node:os'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { duckdbTotals, postgresTotals } from '../../src/archive/checksum.ts'
import { openDuckdb } from '../../src/archive/duckdb.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

/** To the microsecond, in each year that has four digits. */
const instant = fc
  .tuple(
    fc.oneof(
      fc.date({ min: new Date('2000-01-01Z'), max: new Date('2100-01-01Z'), noInvalidDate: true }),
      fc.date({
        min: new Date('0001-01-01T00:00:00Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      }),
    ),
    fc.integer({ min: 0, max: 999 }),
  )
  .map(([date, micros]) => date.toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`))
const decimal = (digits: bigint) =>
  fc
    .bigInt({ min: 0n, max: 10n ** digits - 1n })
    .map((n) => `${n / 1_000_000n}.${String(n % 1_000_000n).padStart(6, '0')}`)
const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
const row = fc.record({
  outcome_id: word,
  captured_at: instant,
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  sequence: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
  market_id: word,
  side: word,
  kind: word,
  price: decimal(18n),
  size: decimal(24n),
  source_ts: fc.option(instant),
  source_received_at: fc.option(instant),
  source: fc.option(word),
})

const TYPES = {
  text: 'text',
  bigint: 'bigint',
  instant: 'timestamptz',
  price: 'numeric(18, 6)',
  size: 'numeric(24, 6)',
}
const DUCKDB_TYPES = { ...TYPES, price: 'decimal(18, 6)', size: 'decimal(24, 6)' }

const totalsOfRows = async (rows: object[], connection: Awaited<ReturnType<typeof openDuckdb>>['connection']) => {
  const of = (types: typeof TYPES) => ORDER_BOOKS.columns.map(({ name, type }) => [name, types[type]] as const)
  const record = of(TYPES)
    .map(([name, type]) => `${name} ${type}`)
    .join(', ')
  const sql = `select ${postgresTotals(ORDER_BOOKS)} from jsonb_to_recordset($1::jsonb) as r(${record})`
  const inPostgres = (await database.pool.query<object>(sql, [JSON.stringify(rows)])).rows[0]
  const cast = of(DUCKDB_TYPES)
    .map(([name, type]) => `(r->>'${name}')::${type} as ${name}`)
    .join(', ')
  const reader = await connection.runAndReadAll(
    `select ${duckdbTotals(ORDER_BOOKS)} from (select ${cast} from (select unnest(json_transform($1, '["json"]')) as r))`,
    [JSON.stringify(rows)],
  )
  return { inPostgres, inDuckdb: reader.getRowObjectsJson()[0] }
}

test('Postgres and DuckDB make the same checksum of any rows in any order, and no changed value leaves it the same', async () => {
  using duckdb = await openDuckdb({ memoryBytes: 128_000_000, threads: 1, folder: tmpdir() })
  const rows = fc.array(row, { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(rows, fc.nat(), fc.constantFrom(...ORDER_BOOKS.columns), row, async (some, at, column, other) => {
      const { inPostgres, inDuckdb } = await totalsOfRows(some, duckdb.connection)
      expect(inDuckdb).toEqual(inPostgres)
      expect((await totalsOfRows(some.toReversed(), duckdb.connection)).inDuckdb).toEqual(inPostgres)
      const index = at % some.length
      const name = column.name as keyof typeof other
      fc.pre(some[index]?.[name] !== other[name])
      const changed = some.map((one, position) => (position === index ? { ...one, [name]: other[name] } : one))
      expect((await totalsOfRows(changed, duckdb.connection)).inDuckdb).not.toEqual(inPostgres)
    }),
    { numRuns: 100 },
  )
})
