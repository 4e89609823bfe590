import { expect, test } from 'vitest'
import { withDayLocked } from '../../src/store/day-lock.ts'
import type { ArchiveDeps } from '../../src/activities/archive-deps.ts'
import { createRestoreActivities } from '../../src/activities/archive-restore.ts'
import { createArchiveActivities } from '../../src/activities/archive.ts'
import { fillLater, NAME } from '../support/archive-day.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const ROWS = 300
const LATER = { ...NAME, part: 1 }
const { at, pool, ask, keyOf, readObject, drop, plan, places, countRows } = await openArchiveDays(ROWS)

const cutHolder = () =>
  ask(`
    select pg_terminate_backend(l.pid, 10000) from pg_locks l join pg_database d on d.oid = l.database
    where l.locktype = 'advisory' and d.datname = current_database()`)

/** The archive's steps, whose holder of the lock is cut after the first read of an object. */
const cutAfterGet = () => {
  const { deps } = at.archive
  const get: ArchiveDeps['store']['get'] = async (...given) => {
    const got = await deps.store.get(...given)
    await cutHolder()
    return got
  }
  const cut = { ...deps, store: { ...deps.store, get } }
  return { ...createArchiveActivities(cut), ...createRestoreActivities(cut) }
}

test('a lock that is lost with its connection ends who held it, and is found lost by whoever asks', async () => {
  let hasAsked = false
  const running = withDayLocked(pool, NAME, async ({ signal, check }) => {
    await check()
    await cutHolder()
    await expect(check()).rejects.toThrow()
    hasAsked = true
    await new Promise((resolve) => {
      if (signal.aborted) resolve(undefined)
      signal.addEventListener('abort', resolve)
    })
    signal.throwIfAborted()
  })
  await expect(running).rejects.toThrow('lost the lock')
  expect(hasAsked).toBe(true)
  expect(await withDayLocked(pool, NAME, () => Promise.resolve('free'))).toBe('free')
})

test('who has the lock is asked by others in vain', async () => {
  const second = await withDayLocked(pool, NAME, async ({ check }) => {
    const inside = await withDayLocked(pool, NAME, () => Promise.resolve('both'))
    const elsewhere = await withDayLocked(pool, { ...NAME, day: '2026-06-06' }, () => Promise.resolve('another day'))
    await check()
    return [inside, elsewhere]
  })
  expect(second).toEqual([undefined, 'another day'])
})

test('a step that lost its lock neither records a proof, nor drops, nor restores', async () => {
  const { activities, run } = at.archive
  const sealedAt = await activities.sealRows(NAME)
  const written = await run(activities.writePart, { name: NAME, sealedAt, isAnew: false })
  const cut = cutAfterGet()
  await expect(run(cut.provePart, { name: NAME, written, sealedAt })).rejects.toThrow()
  expect(await places()).toEqual([])
  await run(activities.provePart, { name: NAME, written, sealedAt })
  await expect(run(cut.dropPart, NAME)).rejects.toThrow()
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'both' }])
  await drop(NAME)
  await expect(run(cut.restoreDay, { table: NAME.table, day: NAME.day })).rejects.toThrow()
  expect(await places()).toEqual([{ part: 0, rows: ROWS, place: 'object' }])
  expect(await countRows()).toBe(0)
})

test('a step that lost its lock while it read uploads nothing', async () => {
  const { activities, run, deps } = at.archive
  const sealedAt = await activities.sealRows(NAME)
  // Asked before the rows are read, and once more before the upload.
  const head: ArchiveDeps['store']['head'] = async (...given) => {
    await cutHolder()
    return deps.store.head(...given)
  }
  const cut = createArchiveActivities({ ...deps, store: { ...deps.store, head } })
  await expect(run(cut.writePart, { name: NAME, sealedAt, isAnew: false })).rejects.toThrow()
  expect(await readObject(0)).toBe('none')
  expect(await ask('select from archive_objects')).toEqual([])
})

test('an object that a crash kept from being removed is removed by the next run', async () => {
  await at.archive.archive(NAME)
  await drop(NAME)
  await fillLater(pool, [1, 2, 3])
  await at.archive.archive(LATER)
  await drop(LATER)
  await at.archive.run(at.archive.activities.restoreDay, { table: NAME.table, day: NAME.day })
  const { activities, run, deps } = at.archive
  const remove = (): Promise<void> => Promise.reject(new Error('crashed'))
  const crashing = createArchiveActivities({ ...deps, store: { ...deps.store, remove } })
  const sealedAt = await activities.sealRows(NAME)
  const written = await run(activities.writePart, { name: NAME, sealedAt, isAnew: false })
  await expect(run(crashing.provePart, { name: NAME, written, sealedAt })).rejects.toThrow('crashed')
  expect(await readObject(1)).not.toBe('none')
  const given = { at: '2027-01-01T00:00:00Z', day: undefined }
  expect(await run(crashing.planArchive, given)).toEqual([{ ...NAME, type: 'drop' }])
  expect(await readObject(1)).not.toBe('none')
  await plan()
  expect(await readObject(1)).toBe('none')
  expect(await readObject(0)).not.toBe('none')
  expect(await ask('select object_key from archive_objects')).toEqual([{ object_key: keyOf(0) }])
})
