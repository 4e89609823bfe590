import { describe, expect, test } from 'vitest'
import type { Manifest } from '../../src/archive/manifest.ts'
import { readBooksAnywhere } from '../../src/cli/query/archived-book.ts'
import type { Scope } from '../../src/cli/query/scope.ts'
import type { BookAsOf } from '../../src/store/as-of.ts'
import type { ArchiveStage } from '../support/archive-stage.ts'
import {
  DAY,
  EVERYTHING,
  IMPORTED,
  importLater,
  inFolder,
  meddled,
  MIDNIGHT_MS,
  openStage,
  type Stage,
} from '../support/query-stage.ts'
import { askQuery, type Answered } from '../support/query-tape.ts'
import { openS3, whyNoS3 } from '../support/s3.ts'

const HOUR_MS = 3_600_000

const QUESTIONS: [string, Partial<Scope>][] = [
  ['select * from order_books order by outcome_id, captured_at, id', {}],
  ["select captured_at::date, side, count(*), sum(price * size), min(size), max(source) from order_books group by all order by all", {}],
  ["select count(*), count(distinct (outcome_id, captured_at, id)) from order_books where captured_at between '2026-10-01 23:30' and '2026-10-03 00:30'", {}],
  ['select * from order_books order by all', { fromTimeMs: MIDNIGHT_MS - HOUR_MS / 2, toTimeMs: MIDNIGHT_MS + HOUR_MS }],
  ['select * from order_books order by all', { markets: { marketIds: ['71'], outcomeIds: ['71:1'] }, fromTimeMs: MIDNIGHT_MS }],
  ['with m as (select market_id, slug from markets) select slug, count(*) from order_books join m using (market_id) group by all order by all', {}],
] // prettier-ignore

const answersOf = async ({ ask }: Stage): Promise<Answered['rows'][]> => {
  const answers = []
  for (const [statement, scope] of QUESTIONS) answers.push((await ask(statement, scope)).rows)
  return answers
}

const INSTANTS = [-0.5, 0.7, 11.3, 24.2].map((hours) => MIDNIGHT_MS + hours * HOUR_MS)

const booksOf = async ({ deps }: Stage): Promise<BookAsOf[][]> => {
  const books = []
  for (const atTimeMs of INSTANTS) {
    books.push(
      await readBooksAnywhere(deps, { marketId: '71', outcomeIds: ['71:0', '71:1'], atTimeMs, maxBytes: Infinity }),
    )
  }
  return books
}

const objectsOf = async ({ ask }: Stage): Promise<number> =>
  (await ask('select count(*) from order_books')).read.objects

const rowsOf = async ({ ask }: Stage): Promise<Answered['rows']> => (await ask(QUESTIONS[0]?.[0] ?? '')).rows

const promiseSameAnswers = async (url: string): Promise<void> => {
  await using world = await openStage(url)
  const { stage } = world
  const recorded = await rowsOf(world)
  const books = await booksOf(world)
  expect(recorded.length).toBeGreaterThan(1_000)
  expect(books.flat().every(({ bids, asks }) => bids.length + asks.length > 0)).toBe(true)

  expect(await stage.archive(DAY)).toBe(1)
  expect(await rowsOf(world), 'archived').toEqual(recorded)
  await importLater(world.pool)
  const whole = await answersOf(world)
  expect(whole[0]?.length).toBe(recorded.length + 40)
  expect(whole[1]?.map(([day]) => day)).toContain('2026-10-03')
  expect(await objectsOf(world)).toBe(0)

  expect(await stage.drop(DAY)).toBe(1)
  expect(await rowsOf(world), 'dropped').toEqual(whole[0])
  expect(await booksOf(world), 'dropped').toEqual(books)
  expect(await objectsOf(world)).toBe(1)

  expect(await stage.archive(DAY)).toBe(1)
  expect(await rowsOf(world), 'second part archived').toEqual(whole[0])
  expect(await stage.drop(DAY)).toBe(1)
  expect(await answersOf(world), 'second part dropped').toEqual(whole)
  expect(await objectsOf(world)).toBe(2)

  expect(await stage.restore(DAY)).toBe(2)
  expect(await answersOf(world), 'restored').toEqual(whole)
  expect(await booksOf(world), 'restored').toEqual(books)
  expect(await objectsOf(world)).toBe(0)
}

test('a query answers the same before the archive, beside it, after the drop and after a restore (folder)', () =>
  inFolder(promiseSameAnswers))

const reason = await whyNoS3()
test.skipIf(reason !== undefined)(`a query answers the same at each stage (S3)${reason ?? ''}`, async () => {
  await using s3 = await openS3()
  await promiseSameAnswers(s3.url('seam'))
})

test('only the row groups that may hold rows of the scope are counted as read, and the objects of other days are not opened', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await world.stage.archive(DAY)
    await world.stage.drop(DAY)
    const count = 'select count(*) from order_books'
    const readOf = async (scope: Partial<Scope>) => {
      const { objects, rowGroups } = (await world.ask(count, scope)).read
      return [objects, rowGroups.touched, rowGroups.all]
    }
    expect(await readOf({})).toEqual([1, 1, 1])
    expect(await readOf({ markets: { marketIds: ['71'], outcomeIds: ['71:1'] } })).toEqual([1, 1, 1])
    expect(await readOf({ markets: { marketIds: ['99'], outcomeIds: ['99:0'] } })).toEqual([1, 0, 1])
    expect(await readOf({ toTimeMs: MIDNIGHT_MS })).toEqual([0, 0, 0])
    expect(await readOf({ fromTimeMs: MIDNIGHT_MS + 24 * HOUR_MS })).toEqual([0, 0, 0])
    const markets = { marketIds: ['99'], outcomeIds: ['99:0'] }
    expect((await world.ask(count, { markets })).rows).toEqual([['0']])
  }))

describe('a day that is moved while a query begins', () => {
  const count = 'select count(*), count(distinct (outcome_id, captured_at, id)) from order_books'

  const promiseOnce = (prepare: (stage: ArchiveStage) => Promise<unknown>, move: (stage: ArchiveStage) => Promise<unknown>) =>
    inFolder(async (url) => {
      await using world = await openStage(url)
      const { rows: expected } = await world.ask(count)
      await prepare(world.stage)
      const pool = meddled(world.pool, () => move(world.stage))
      expect((await world.ask(count, {}, pool)).rows).toEqual(expected)
    }) // prettier-ignore

  test('is missed in no answer when it is dropped', () => promiseOnce((stage) => stage.archive(DAY), (stage) => stage.drop(DAY))) // prettier-ignore

  test('is twice in no answer when it comes back', () =>
    promiseOnce(
      async (stage) => {
        await stage.archive(DAY)
        await stage.drop(DAY)
      },
      (stage) => stage.restore(DAY),
    ))
})

test('a day that is archived anew before its objects are opened is read from the new ones', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    const { pool, stage, deps } = world
    for (const later of [false, true]) {
      if (later) await importLater(pool)
      await stage.archive(DAY)
      await stage.drop(DAY)
    }
    const expected = await world.ask(QUESTIONS[0]?.[0] ?? '')
    let isAnew = false
    const openObject = async (part: Manifest): Promise<string> => {
      if (!isAnew) {
        isAnew = true
        await stage.restore(DAY)
        await stage.archive(DAY)
        await stage.drop(DAY)
      }
      return deps.openObject(part)
    }
    const asked = { statement: QUESTIONS[0]?.[0] ?? '', scope: EVERYTHING, maxBytes: Infinity }
    const answered = await askQuery(pool, { ...deps, openObject }, asked)
    expect(answered.rows).toEqual(expected.rows)
    expect([expected.read.objects, answered.read.objects]).toEqual([2, 1])
  }))

test('books of imported history, which has no checkpoints, are rebuilt from the snapshot wherever that lies', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await world.stage.archive(DAY)
    await importLater(world.pool)
    const ask = (): Promise<BookAsOf[]> =>
      readBooksAnywhere(world.deps, {
        marketId: '72',
        outcomeIds: [IMPORTED],
        atTimeMs: MIDNIGHT_MS + 2 * HOUR_MS,
        maxBytes: Infinity,
      })
    const [book] = await ask()
    expect(book).toMatchObject({ sequence: 40, quality: 'unverified' })
    expect([book?.bids.length, book?.asks.length, book?.bids[0]]).toEqual([19, 21, ['0.190000', '28.500000']])
    await world.stage.drop(DAY)
    await world.stage.archive(DAY)
    await world.stage.drop(DAY)
    expect(await ask()).toEqual([book])
  }))

test('book_at in SQL says in_gap where the day is in the archive, and of the next day what it said before', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    const statesAt = async (hours: number): Promise<string[]> => {
      const { rows } = await world.pool.query<{ state: string }>(
        `select s.state from unnest(array['71:0', '71:1', '72:0', '72:1']) o (id), book_state_at(o.id, $1) s
         union all select distinct b.state from book_at('71:0', $1) b`,
        [new Date(MIDNIGHT_MS + hours * HOUR_MS).toISOString()],
      )
      return rows.map(({ state }) => state)
    }
    const [before, after] = [await statesAt(-0.1), await statesAt(24.1)]
    expect(before.concat(after).filter((state) => state === 'in_gap').length).toBeLessThan(5)
    await world.stage.archive(DAY)
    await world.stage.drop(DAY)
    for (const hours of [0.5, 12, 23]) expect(await statesAt(hours)).toEqual(Array.from({ length: 5 }, () => 'in_gap'))
    expect([await statesAt(-0.1), await statesAt(24.1)]).toEqual([before, after])
    await world.pool.query("delete from order_books where captured_at >= '2026-10-03'")
    expect(new Set(await statesAt(24.1))).toEqual(new Set(['in_gap']))
    await world.pool.query(
      `insert into ingestion_offsets (stream, last_id, sequence, writer, progress, updated_at)
       select 'orderbook:71', '1-1', 0, '0:1', jsonb_build_object('outcomes', jsonb_agg(jsonb_build_object('sequence', s.sequence) order by s.id)), now()
       from (select id, sequence from unnest(array['71:0', '71:1']) o (id), book_state_at(o.id, $1)) s`,
      [new Date(MIDNIGHT_MS + 24.1 * HOUR_MS).toISOString()],
    )
    expect((await statesAt(24.1)).slice(0, 2)).not.toContain('in_gap')
  }))

test('a day whose object is gone or unknown is an error and no answer without it', () =>
  inFolder(async (url) => {
    await using world = await openStage(url)
    await world.stage.archive(DAY)
    await world.stage.drop(DAY)
    await world.pool.query('delete from archives')
    await expect(world.ask('select count(*) from order_books')).rejects.toThrow(
      `expected order_books of ${DAY} in the archive: its partition was dropped, but no object is known`,
    )
    const other = await world.ask('select count(*) from order_books', { toTimeMs: MIDNIGHT_MS - 1 })
    expect(Number(other.rows[0]?.[0])).toBeGreaterThan(0)
  }))
