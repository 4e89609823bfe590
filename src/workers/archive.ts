import { join } from 'node:path'
import { createArchiveActivities } from '../activities/archive.ts'
import { createRestoreActivities } from '../activities/archive-restore.ts'
import { openObjectStore } from '../archive/store/open.ts'
import type { RoleWorker } from './control.ts'
import type { RoleContext } from './main.ts'
import { archiveOptions } from './worker-options.ts'

/** DuckDB sorts by itself what is in its memory: more of them would take the cores from who records. */
const THREADS = 2

export const openArchive = async ({ config, log, stats, resources }: RoleContext): Promise<RoleWorker> => {
  const { pool, temporal, namespace } = resources
  const store = openObjectStore(config.ARCHIVE_URL)
  const deps = {
    pool,
    store,
    folder: config.ARCHIVE_WORK_DIR ?? join(config.POLYTAPE_STATE_DIR, 'archive-work'),
    memoryBytes: config.ARCHIVE_MEMORY_BYTES,
    threads: THREADS,
    afterDays: config.ARCHIVE_AFTER_DAYS,
    graceHours: config.ARCHIVE_GRACE_HOURS,
    log,
    stats,
  }
  const activities = { ...createArchiveActivities(deps), ...createRestoreActivities(deps) }
  log.info(`the archive is at ${store.url}`)
  return {
    options: archiveOptions({ connection: temporal, namespace, activities }),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}
