import type { Pool } from 'pg'
import { expect, test } from 'vitest'
import { readBooksAnywhere, type BookDeps } from '../../src/cli/query/archived-book.ts'
import { ScanTooLarge } from '../../src/cli/query/scan-limit.ts'
import type { BookAsOf } from '../../src/store/as-of.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeCheckpoints } from '../../src/store/checkpoints.ts'
import { checkpointOf } from '../support/as-of-history.ts'
import { DAY, IMPORTED, importLater, inFolder, MIDNIGHT_MS, openStage, type Stage } from '../support/query-stage.ts'

const HOUR_MS = 3_600_000
const atHour = (hour: number): string => new Date(MIDNIGHT_MS + hour * HOUR_MS).toISOString()

/** An outcome in a gap whose book another recorder saw from 01:00 to 05:00. */
const FILLED = '71:8'
/** Recorded since the day before, with one checkpoint and without snapshots. */
const OLD = '72:8'
/** Recorded since the day after. */
const NEW = '72:9'

const BIDS: [string, string][] = [['0.4', '10']]

const addCheckpoint = (pool: Pool, outcomeId: string, hour: number, status: 'following' | 'gap'): Promise<void> => {
  const given = { outcomeId, sequence: 5, capturedTimeMs: MIDNIGHT_MS + hour * HOUR_MS, bids: BIDS, asks: [] }
  return withClient(pool, (client) => writeCheckpoints(client, [checkpointOf(given, { status, gapSequence: 5 })]))
}

type Row = { outcomeId: string; hour: number; sequence: number; kind: 'snapshot' | 'change' }

const addRow = (pool: Pool, { outcomeId, hour, sequence, kind }: Row): Promise<unknown> =>
  pool.query(
    `insert into order_books (id, captured_at, price, size, market_id, outcome_id, side, kind)
     values ($1::bigint * 65536, $2, 0.01 * (1 + abs($1::bigint) % 40), 7, split_part($3, ':', 1), $3, 'bid', $4)`,
    [sequence, atHour(hour), outcomeId, kind],
  )

const addFilled = async (pool: Pool): Promise<void> => {
  await addCheckpoint(pool, FILLED, 3, 'gap')
  await addRow(pool, { outcomeId: FILLED, hour: 1, sequence: -1_000, kind: 'snapshot' })
  await addRow(pool, { outcomeId: FILLED, hour: 2, sequence: -999, kind: 'change' })
  await addRow(pool, { outcomeId: FILLED, hour: 3.5, sequence: -998, kind: 'change' })
  await pool.query(
    `insert into imported_spans (begins_at, ends_at, rows, market_id, outcome_id, source, origin, import_id)
     values ($1, $2, 3, '71', $3, 'pmxt', 'made up', 'made up')`,
    [atHour(1), atHour(5), FILLED],
  )
}

const addOldAndNew = async (pool: Pool): Promise<void> => {
  await addCheckpoint(pool, OLD, -0.5, 'following')
  await addRow(pool, { outcomeId: OLD, hour: 0.2, sequence: 6, kind: 'change' })
  await addRow(pool, { outcomeId: OLD, hour: 20, sequence: 7, kind: 'change' })
  await addRow(pool, { outcomeId: NEW, hour: 24.05, sequence: 1, kind: 'snapshot' })
  await addCheckpoint(pool, NEW, 24.1, 'following')
}

type Asked = { outcomeIds: string[]; hour: number; maxBytes?: number }

const ask = (deps: BookDeps, { outcomeIds, hour, maxBytes = Infinity }: Asked): Promise<BookAsOf[]> =>
  readBooksAnywhere(deps, {
    marketId: outcomeIds[0]?.split(':')[0] ?? '',
    outcomeIds,
    atTimeMs: MIDNIGHT_MS + hour * HOUR_MS,
    maxBytes,
  })

const archiveAndDrop = async ({ stage }: Stage): Promise<void> => {
  await stage.archive(DAY)
  await stage.drop(DAY)
}

/** Tells which objects were opened. */
const counted = (deps: BookDeps): { deps: BookDeps; opened: string[] } => {
  const opened: string[] = []
  const openObject: BookDeps['openObject'] = (part) => {
    opened.push(part.day)
    return deps.openObject(part)
  }
  return { deps: { ...deps, openObject }, opened }
}

test('a book of rows that came after their day was sealed stays the same when the day is restored without them', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    const { pool, stage, deps } = world
    const imported = { outcomeIds: [IMPORTED], hour: 2 }
    await archiveAndDrop(world)
    await importLater(pool)
    const books = await ask(deps, imported)
    expect(books[0]).toMatchObject({ sequence: 40, quality: 'unverified' })
    expect(await stage.archive(DAY)).toBe(1)
    expect(await stage.restore(DAY)).toBe(1)
    expect(await ask(deps, imported), 'restored, with rows that came later beside it').toEqual(books)
    expect(await stage.drop(DAY)).toBe(1)
    expect(await ask(deps, imported), 'restored, with a later part in the archive').toEqual(books)
  }))

test('an imported book is rebuilt from the snapshot of its span, also where a checkpoint of the recorder is newer', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await addFilled(world.pool)
    const filled = { outcomeIds: [FILLED], hour: 4 }
    const books = await ask(world.deps, filled)
    expect(books[0]).toMatchObject({ quality: 'imported', sequence: -998 })
    expect(books[0]?.bids.length).toBe(3)
    await archiveAndDrop(world)
    expect(await ask(world.deps, filled)).toEqual(books)
  }))

test('an instant before the first book is missing without reading an object, beside an outcome that needs some', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await addOldAndNew(world.pool)
    const both = { outcomeIds: [OLD, NEW], hour: 12 }
    const books = await ask(world.deps, both)
    expect(books.map(({ quality }) => quality)).toEqual(['unverified', 'missing'])
    await archiveAndDrop(world)
    const { deps, opened } = counted(world.deps)
    expect(await ask(deps, { outcomeIds: [NEW], hour: 12, maxBytes: 1 })).toEqual(books.slice(1))
    expect(opened).toEqual([])
    expect(await ask(deps, both)).toEqual(books)
    expect(opened).toEqual([DAY])
  }))

test('the first book of an outcome is found on its archived day, before its first checkpoint', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await addRow(world.pool, { outcomeId: '71:9', hour: 6, sequence: 1, kind: 'snapshot' })
    await addCheckpoint(world.pool, '71:9', 7, 'following')
    const first = { outcomeIds: ['71:9'], hour: 6.5 }
    const books = await ask(world.deps, first)
    expect(books[0]).toMatchObject({ quality: 'unverified', sequence: 1 })
    await archiveAndDrop(world)
    expect(await ask(world.deps, first)).toEqual(books)
    expect(await ask(world.deps, { ...first, hour: 5.9 })).toMatchObject([{ quality: 'missing' }])
  }))

test('a book whose checkpoint is older than where another one is looked for keeps all its rows', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    const { pool, stage, deps } = world
    await addOldAndNew(pool)
    const [old] = await ask(deps, { outcomeIds: [OLD], hour: 24.5 })
    expect(old).toMatchObject({ quality: 'unverified', sequence: 7 })
    expect(old?.bids.length).toBe(3)
    await stage.archive(DAY)
    await importLater(pool)
    await stage.drop(DAY)
    const [same, imported] = await ask(deps, { outcomeIds: [OLD, IMPORTED], hour: 24.5 })
    expect(same).toEqual(old)
    expect(imported).toMatchObject({ sequence: 40 })
  }))

test('a past book above the limit is refused before an object is opened, and says how to allow it', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await archiveAndDrop(world)
    const { deps, opened } = counted(world.deps)
    const refused = ask(deps, { outcomeIds: ['71:0', '71:1'], hour: 12, maxBytes: 100 })
    await expect(refused).rejects.toThrow(ScanTooLarge)
    await expect(refused).rejects.toThrow(/at most 100 bytes.*--max-bytes 10GB, or any by --force/s)
    expect(opened).toEqual([])
  }))

/** A pool with the patience of a person, that tells the one under which rows are brought in. */
const impatient = (pool: Pool, timeouts: string[]): Pool =>
  new Proxy(pool, {
    get: (target, name) => {
      if (name === 'query') return target.query.bind(target)
      return async () => {
        const client = await target.connect()
        await client.query("set statement_timeout = '30s'")
        const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
        const watching = async (text: string, ...rest: unknown[]): Promise<unknown> => {
          const result = await query(text, ...rest)
          if (!text.includes('create temp table order_books')) return result
          const { rows } = (await query('show statement_timeout')) as { rows: { statement_timeout: string }[] }
          timeouts.push(rows[0]?.statement_timeout ?? '')
          return result
        }
        client.query = ((...args: unknown[]) =>
          typeof args[0] === 'string' ? watching(args[0], ...args.slice(1)) : query(...args)) as typeof client.query
        return client
      }
    },
  })

test('rows are brought in for as long as it takes, whatever the patience of the connection', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await archiveAndDrop(world)
    const timeouts: string[] = []
    const deps = { ...world.deps, pool: impatient(world.pool, timeouts) }
    expect(await ask(deps, { outcomeIds: ['71:0'], hour: 12 })).toMatchObject([{ outcomeId: '71:0' }])
    expect(new Set(timeouts)).toEqual(new Set(['0']))
  }))
