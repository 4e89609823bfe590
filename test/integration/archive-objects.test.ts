import { expect, test } from 'vitest'
import { fillDay, NAME, openTestArchive } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'
import { createDatabase } from '../support/services.ts'

const ROWS = 300
const { at, pool, ask, keyOf, readObject, drop, countRows } = await openArchiveDays(ROWS)

test('an object that another database wrote is not replaced, and the step ends at once with what to do', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  const before = await readObject(0)
  await using other = await createDatabase()
  await fillDay(other.pool, 10)
  await using second = openTestArchive(other.pool, { store: at.archive.deps.store })
  await expect(second.archive(NAME)).rejects.toMatchObject({
    nonRetryable: true,
    type: 'store_refused',
    message: expect.stringContaining('ARCHIVE_URL of its own'),
  })
  expect(await readObject(0)).toBe(before)
  expect((await other.pool.query('select from order_books')).rowCount).toBe(10)
})

test('an upload is written down before it begins, so that a crash after it leaves an object that is known as ours', async () => {
  const { deps } = at.archive
  const named: object[] = []
  const put: typeof deps.store.put = async (...given) => {
    named.push(...(await ask<object>('select object_key from archive_objects')))
    await deps.store.put(...given)
    throw new Error('crashed')
  }
  await using crashing = openTestArchive(pool, { store: { ...deps.store, put } })
  await expect(crashing.archive(NAME)).rejects.toThrow('crashed')
  expect(named).toEqual([{ object_key: keyOf(0) }])
  expect(await at.archive.archive(NAME)).toEqual({ type: 'done' })
  expect(await drop(NAME)).toEqual({ type: 'done' })
  expect(await countRows()).toBe(0)
})
