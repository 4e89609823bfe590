import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MockActivityEnvironment } from '@temporalio/testing'
import { DefaultLogger } from '@temporalio/worker'
import type { Pool } from 'pg'
import { createArchiveActivities, type ArchiveActivities } from '../../src/activities/archive.ts'
import type { ArchiveDeps } from '../../src/activities/archive-deps.ts'
import { createRestoreActivities, type RestoreActivities } from '../../src/activities/archive-restore.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import type { PartName } from '../../src/store/archives.ts'

export const DAY = '2026-06-05'
export const NAME: PartName = { table: 'order_books', day: DAY, part: 0 }

/** Books of some outcomes in the order of time, with all that a row can be: absent, empty, quoted, wide, on the edge of the day. */
const FILL = `
insert into order_books (id, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind, source)
select tick * 65536 + tick % 3, $1::date::timestamp at time zone 'UTC' + (tick - 1) * (interval '24 hours' / $2::int) + interval '1 microsecond' * (tick % 2),
  case when tick % 11 = 0 then null else $1::date::timestamp at time zone 'UTC' + tick * interval '1 millisecond' - interval '1 day' end,
  case when tick % 5 = 0 then $1::date::timestamp at time zone 'UTC' - tick * interval '1 microsecond' end,
  (tick % 1000) / 1000.0, case tick % 7 when 0 then 0 when 1 then 999999999999999999.999999 when 2 then 1000000000000 else tick * 1.000001 end,
  (100 + tick % 40)::text, (100 + tick % 40) || ':' || (tick / 40 % 2), case when tick % 2 = 0 then 'bid' else 'ask' end,
  (array['snapshot', 'change', 'gap'])[1 + tick % 3],
  (array[null, '', 'pmxt', E'a,"b"\\n\\tc\\\\N', 'NULL', '\\N'])[1 + tick % 6]
from generate_series(1, $2::int) tick`

export const fillDay = async (pool: Pool, rows: number, day = DAY): Promise<void> => {
  await pool.query('select ensure_order_books_partition($1)', [day])
  await pool.query(FILL, [day, rows])
}

/** As if the day had never been: no partition, no seal, nothing in the manifest. */
export const forgetDay = async (pool: Pool, day = DAY): Promise<void> => {
  await pool.query(`drop table if exists order_books_${day.replaceAll('-', '')}`)
  await pool.query('truncate archives, archive_objects, partition_seals, order_books_later, feed_alerts cascade')
}

/** Rows of the day that came after it was sealed. */
export const fillLater = async (pool: Pool, ids: number[], day = DAY): Promise<void> => {
  await pool.query(
    `insert into order_books_later (id, captured_at, price, size, market_id, outcome_id, side, kind, source)
     select id, $1::date::timestamp at time zone 'UTC' + id * interval '1 second', 0.5, id, '7', '7:0', 'bid', 'change', 'pmxt'
     from unnest($2::bigint[]) id`,
    [day, ids],
  )
}

export type TestArchive = AsyncDisposable & {
  deps: ArchiveDeps
  activities: ArchiveActivities & RestoreActivities
  /** In an activity of its own, which a test may cancel. */
  run: <Given extends unknown[], T>(activity: (...given: Given) => Promise<T>, ...given: Given) => Promise<T>
  /** Seal, write, prove; the verdict. */
  archive: (name: PartName, options?: { isAnew?: boolean }) => ReturnType<ArchiveActivities['provePart']>
  folder: string
}

const QUIET = new DefaultLogger('ERROR', () => undefined)

export const runActivity = <Given extends unknown[], T>(
  activity: (...given: Given) => Promise<T>,
  ...given: Given
): Promise<T> => new MockActivityEnvironment({}, { logger: QUIET }).run(activity, ...given)

/** The archive's activities over a folder of their own. */
export const openTestArchive = (pool: Pool, more: Partial<ArchiveDeps> = {}): TestArchive => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-archive-'))
  const store = openObjectStore(pathToFileURL(join(folder, 'objects')).href)
  const deps: ArchiveDeps = {
    pool,
    store,
    folder: join(folder, 'work'),
    memoryBytes: 128_000_000,
    threads: 2,
    afterDays: 30,
    graceHours: 0,
    log: createLog('archive', 'silent'),
    stats: createStats(),
    ...more,
  }
  const activities = { ...createArchiveActivities(deps), ...createRestoreActivities(deps) }
  return {
    deps,
    activities,
    folder,
    run: runActivity,
    archive: async (name, { isAnew = false } = {}) => {
      const sealedAt = await activities.sealRows(name)
      const written = await runActivity(activities.writePart, { name, sealedAt, isAnew })
      return runActivity(activities.provePart, { name, written, sealedAt })
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
