import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { unreadIn } from '../../src/stream/waiting.ts'
import { createHistory, createRandom, type History } from '../support/as-of-history.ts'
import { storeHistory } from '../support/as-of-store.ts'
import { runPmxt } from '../support/import-run.ts'
import { addMarket, look, namesOf, rowsOf, type Look } from '../support/imported-market.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { writeParquet, writePmxt, type PmxtSeen } from '../support/pmxt-file.ts'
import { createOther, type OtherHistory } from '../support/pmxt-history.ts'

const SEED = Number(process.env['POLYTAPE_TEST_SEED'] ?? '1')
const HOUR_MS = 3_600_000
/** Days ago, so that its day can be sealed; not before noon, so that the hours around it are of its day. */
const HOUR = Date.parse('2026-04-20T13:00:00Z')
const random = createRandom(SEED)

const { database, redis } = await openStores()
const stores = { pool: database.pool, hasUnread: unreadIn(redis) }
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polytape-import-'))
})
afterAll(async () => {
  await rm(folder, { recursive: true })
})

const inOrder = (histories: OtherHistory[]): PmxtSeen[] =>
  histories.flatMap(({ seen }) => seen).toSorted((left, right) => left.receivedTimeMs - right.receivedTimeMs)

let nextImport = 0
const importFile = (path: string, markets?: string[]) => {
  const importId = `run-${nextImport++}`
  return runPmxt(stores, folder, { origin: path, importId, ...(markets === undefined ? {} : { markets }) })
}

type Both = { outcomeId: string; live: History; other: OtherHistory }

const createBoth = async (marketId: string): Promise<Both[]> => {
  await addMarket(database.pool, marketId)
  const both: Both[] = []
  for (const index of [0, 1]) {
    const outcomeId = `${marketId}:${index}`
    const shape = { startTimeMs: HOUR + random(HOUR_MS / 2), eventCount: 100 + random(200), longestPauseMs: 20_000 }
    const live = createHistory(outcomeId, random, shape)
    await storeHistory(database.pool, live)
    both.push({
      outcomeId,
      live,
      other: createOther(namesOf(outcomeId), random, HOUR + random(300_000), HOUR + HOUR_MS),
    })
  }
  return both
}

test('books that were not recorded are those of the source afterwards, all others stay as they were', async () => {
  const both = (await Promise.all(Array.from({ length: 4 }, (_, at) => createBoth(String(100 + at))))).flat()
  const path = join(folder, 'hour.parquet')
  await writePmxt(path, 'v2', inOrder(both.map(({ other }) => other)))
  const instants = Array.from({ length: 200 }, () => HOUR - 600_000 + random(HOUR_MS + 1_200_000))
  const before = new Map<string, Look[]>()
  const rowsBefore = new Map<string, object[]>()
  for (const { outcomeId } of both) {
    before.set(outcomeId, await look(database.pool, outcomeId, instants))
    rowsBefore.set(outcomeId, await rowsOf(database.pool, outcomeId))
  }
  const imported = await importFile(path)
  expect(imported).toMatchObject({ markets: 4, refused: 0, staged: { version: 'v2', fromTimeMs: HOUR, toTimeMs: HOUR + HOUR_MS } }) // prettier-ignore
  const seen = new Map<string, number>()
  for (const { outcomeId, other } of both) {
    const after = await look(database.pool, outcomeId, instants)
    instants.forEach((at, index) => {
      const [was, is] = [before.get(outcomeId)![index]!, after[index]!]
      const truth = other.bookAt(at)
      const isHole = was.state === 'in_gap' || was.state === 'missing'
      const isWithin = at >= HOUR && at < HOUR + HOUR_MS
      const name = `${outcomeId} at ${new Date(at).toISOString()}, seed ${SEED}`
      if (isHole && isWithin && truth !== undefined) {
        expect({ state: is.state, levels: is.levels }, name).toEqual({ state: 'imported', levels: truth })
        expect(Number(is.sequence), name).toBeLessThan(0)
      } else expect(is, name).toEqual(was)
      seen.set(is.state, (seen.get(is.state) ?? 0) + 1)
    })
    const rows = await rowsOf(database.pool, outcomeId)
    expect(rows.filter(({ source }) => source === null)).toEqual(rowsBefore.get(outcomeId))
    expect(
      rows.filter(({ source }) => source !== null).every(({ source, id }) => source === 'pmxt' && Number(id) < 0),
    ).toBe(true)
  }
  for (const state of ['imported', 'in_gap', 'missing', 'verified']) expect(seen.get(state), state).toBeGreaterThan(10)

  const again = await importFile(path)
  expect(again).toMatchObject({ written: 0 })
})

test('both versions of a file give the same rows', async () => {
  const random = createRandom(SEED + 7)
  const rows: Record<string, object[]> = {}
  const other = createOther(namesOf('300:0'), random, HOUR, HOUR + HOUR_MS)
  for (const [version, marketId] of [
    ['v1', '300'],
    ['v2', '301'],
  ] as const) {
    await addMarket(database.pool, marketId)
    const market = namesOf(`${marketId}:0`)
    await writePmxt(
      join(folder, `${version}.parquet`),
      version,
      other.seen.map((row) => ({ ...row, ...market })),
    )
    const imported = await importFile(join(folder, `${version}.parquet`), [marketId])
    expect(imported).toMatchObject({ refused: 0, read: other.seen.length, staged: { version } })
    rows[version] = (await rowsOf(database.pool, `${marketId}:0`)).map((row) => ({
      ...row,
      market_id: '',
      outcome_id: '',
    }))
  }
  expect(rows['v1']!.length).toBeGreaterThan(100)
  expect(rows['v1']).toEqual(rows['v2'])
})

test('a second file of the same hour writes nothing over the first, and the next hour goes on with its book', async () => {
  await addMarket(database.pool, '400')
  const market = namesOf('400:0')
  const first = createOther(market, random, HOUR, HOUR + HOUR_MS)
  await writePmxt(join(folder, 'first.parquet'), 'v2', first.seen)
  await importFile(join(folder, 'first.parquet'), ['400'])
  const rows = await rowsOf(database.pool, '400:0')

  const same = createOther(market, random, HOUR, HOUR + HOUR_MS)
  await writePmxt(join(folder, 'same.parquet'), 'v1', same.seen)
  const opened = rows[0]?.captured_at.getTime() ?? 0
  await importFile(join(folder, 'same.parquet'), ['400'])
  expect((await rowsOf(database.pool, '400:0')).filter(({ captured_at }) => captured_at.getTime() >= opened)).toEqual(
    rows,
  )

  const change = { ...market, type: 'change' as const, side: 'BUY' as const, price: '0.42', size: '5' }
  const at = HOUR + HOUR_MS + 1_000
  await writePmxt(join(folder, 'next.parquet'), 'v2', [{ ...change, receivedTimeMs: at, venueTimeMs: at }])
  const left = first.bookAt(HOUR + HOUR_MS) ?? []
  await importFile(join(folder, 'next.parquet'), ['400'])
  const [before, after] = await look(database.pool, '400:0', [at - 1, at])
  expect(before).toMatchObject({ state: 'imported', levels: left })
  expect(after?.levels).toHaveLength(left.filter(([side, price]) => side !== 'bid' || price !== '0.420000').length + 1)
  expect(after?.levels).toContainEqual(['bid', '0.420000', '5.000000'])
})

test('rows of a sealed day go to those that come later, and are found there', async () => {
  await addMarket(database.pool, '500')
  const start = HOUR + 24 * HOUR_MS
  const other = createOther(namesOf('500:0'), random, start, start + HOUR_MS)
  await writePmxt(join(folder, 'sealed.parquet'), 'v2', other.seen)
  await database.pool.query(`select ensure_order_books_partition($1)`, [new Date(start).toISOString().slice(0, 10)])
  await database.pool.query(`select seal_partition('order_books', $1)`, [new Date(start).toISOString().slice(0, 10)])
  const { written } = await importFile(join(folder, 'sealed.parquet'), ['500'])
  expect(await rowsOf(database.pool, '500:0')).toEqual([])
  expect(await rowsOf(database.pool, '500:0', 'order_books_later')).toHaveLength(written)
  const at = start + HOUR_MS - 1
  expect(await look(database.pool, '500:0', [at])).toMatchObject([{ state: 'imported', levels: other.bookAt(at) }])
})

test('a file that has only the columns that it needs is read, its times as texts or numbers', async () => {
  await addMarket(database.pool, '700')
  const { conditionId, token } = namesOf('700:0')
  const levels = '[["0.4", "10"]]'
  const v1 = [{ market_id: conditionId, update_type: 'book_snapshot', data: JSON.stringify({ token_id: token, bids: [{ price: 0.4, size: 10 }], asks: [], timestamp: HOUR / 1_000 + 5.5 }) }] // prettier-ignore
  await writeParquet(join(folder, 'bare-v1.parquet'), v1, '*')
  const v2 = [{ timestamp: String(HOUR + HOUR_MS + 5_500), market: conditionId, event_type: 'book', asset_id: token, bids: levels, asks: '[]' }] // prettier-ignore
  await writeParquet(join(folder, 'bare-v2.parquet'), v2, '*')
  for (const [name, at] of [
    ['bare-v1', HOUR + 5_500],
    ['bare-v2', HOUR + HOUR_MS + 5_500],
  ] as const) {
    await importFile(join(folder, `${name}.parquet`))
    expect(await look(database.pool, '700:0', [at - 1, at]), name).toMatchObject([
      { state: 'missing' },
      { state: 'imported', levels: [['bid', '0.400000', '10.000000']] },
    ])
  }
})

test('what is no such file is refused for good, with what was expected, and leaves nothing behind', async () => {
  const text = join(folder, 'text.parquet')
  await writeFile(text, 'no Parquet')
  await expect(importFile(text)).rejects.toMatchObject({ nonRetryable: true, message: expect.stringContaining('expected a Parquet file') }) // prettier-ignore
  const other = join(folder, 'other.parquet')
  await writeParquet(other, [{ a: 1 }], '*')
  await expect(importFile(other)).rejects.toMatchObject({ nonRetryable: true, message: expect.stringContaining('expected event_type and asset_id (v2), or update_type and data (v1), got the columns a') }) // prettier-ignore
  await expect(importFile('/nowhere.parquet')).rejects.toMatchObject({ nonRetryable: true, message: expect.stringContaining('a file that the control worker can read') }) // prettier-ignore
  await expect(importFile(folder)).rejects.toMatchObject({ nonRetryable: true, message: expect.stringContaining('expected a file, got') }) // prettier-ignore
  await writeFile(join(folder, 'h[1].parquet'), '')
  for (const name of ['h[1].parquet', '*.parquet', 'h?.parquet']) {
    await expect(importFile(join(folder, name))).rejects.toMatchObject({ nonRetryable: true, message: expect.stringContaining('the path of one file') }) // prettier-ignore
  }
  const { rows } = await database.pool.query('select from imported_spans where origin in ($1, $2)', [text, other])
  expect(rows).toEqual([])
  expect((await readdir(folder)).filter((name) => name.startsWith('run-0'))).toEqual([])
})
