import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { DAY, fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 500
const PARTITION = 'order_books_20260605'
const LATER = { ...NAME, part: 1 }
const { at, pool, ask, keyOf, readObject, drop, plan, places } = await openArchiveDays(ROWS)

test('a run that comes late to parts that another has proved and dropped leaves their objects as they are', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  await fillLater(pool, [1, 2, 3])
  await at.archive.archive(LATER)
  await drop(LATER)
  const before = [await readObject(0), await readObject(1)]
  for (const name of [NAME, LATER]) {
    for (const isAnew of [false, true]) expect(await at.archive.archive(name, { isAnew })).toEqual({ type: 'done' })
  }
  expect([await readObject(0), await readObject(1)]).toEqual(before)
  expect(await places()).toEqual([
    { part: 0, rows: ROWS, place: 'object' },
    { part: 1, rows: 3, place: 'object' },
  ])
})

test('a part that is dropped while its rows are read for a second time is not uploaded again', async () => {
  await at.archive.archive(NAME)
  const path = join(at.archive.folder, 'objects', keyOf(0))
  await writeFile(path, 'as it was')
  const holder = await pool.connect()
  await holder.query(`begin; lock table ${PARTITION} in access exclusive mode`)
  const sealedAt = await at.archive.activities.sealRows(NAME)
  const writing = at.archive.run(at.archive.activities.writePart, { name: NAME, sealedAt, isAnew: true })
  const waiting = `select from pg_locks where not granted and relation = '${PARTITION}'::regclass`
  await vi.waitUntil(async () => (await ask(waiting)).length > 0, { timeout: 20_000 })
  await holder.query('update archives set dropped_at = clock_timestamp(); commit')
  holder.release()
  expect((await writing).key).toBe(keyOf(0))
  expect(await readFile(path, 'utf8')).toBe('as it was')
})

test('a dropped day cannot be unsealed, and an empty partition in its place is never archived over its object', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  const before = await readObject(0)
  await expect(pool.query(`select unseal_partition('order_books', $1)`, [DAY])).rejects.toThrow('it was dropped')
  await pool.query('truncate partition_seals')
  await pool.query('select ensure_order_books_partition($1)', [DAY])
  expect(await plan()).toEqual([])
  expect(await plan(DAY)).toEqual([])
  expect(await at.archive.archive(NAME)).toEqual({ type: 'done' })
  expect(await readObject(0)).toBe(before)
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'object' }])
})
