import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DAY, fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const LATER = { ...NAME, part: 1 }
const { at, pool, keyOf, drop, plan, places, countRows } = await openArchiveDays(ROWS)

const pathOf = (part: number): string => join(at.archive.folder, 'objects', keyOf(part))

test('an object that is damaged after its proof is written and proved anew, once; then people hear of it', async () => {
  await at.archive.archive(NAME)
  await writeFile(pathOf(0), 'another')
  expect(await drop(NAME)).toMatchObject({ type: 'forgotten', detail: expect.stringContaining('SHA-256') })
  expect(await places()).toEqual([])
  expect(await plan(DAY)).toEqual([{ ...NAME, type: 'write' }])
  expect(await at.archive.archive(NAME)).toEqual({ type: 'done' })

  await writeFile(pathOf(0), 'another again')
  expect(await drop(NAME)).toMatchObject({ type: 'differs' })
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'both' }])
  expect(await countRows()).toBe(ROWS)
})

test('an object that is gone before its rows were dropped is written anew, also one of rows that came later', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  await fillLater(pool, [1, 2, 3])
  await at.archive.archive(LATER)
  await rm(pathOf(1))
  expect(await drop(LATER)).toMatchObject({ type: 'forgotten', detail: `no ${keyOf(1)}` })
  expect(await countRows('order_books_later')).toBe(3)
  expect(await plan(DAY)).toEqual([{ ...LATER, type: 'write' }])
  expect(await at.archive.archive(LATER)).toEqual({ type: 'done' })
  expect(await drop(LATER)).toEqual({ type: 'done' })
})
