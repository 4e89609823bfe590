import pg from 'pg'
import { createArchiveActivities } from '../../src/activities/archive.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { NAME, runActivity } from './archive-day.ts'

/** A worker at one part, to be killed: reads database, store and folder from its arguments and says what it is at. */
const [url = '', storeUrl = '', folder = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url })
const activities = createArchiveActivities({
  pool,
  store: openObjectStore(storeUrl, { partBytes: 5 * 1024 * 1024 }),
  folder,
  memoryBytes: 128_000_000,
  threads: 1,
  afterDays: 30,
  graceHours: 0,
  log: createLog('archive', 'silent'),
  stats: createStats(),
})
const sealedAt = await activities.sealRows(NAME)
await runActivity(activities.writePart, { name: NAME, sealedAt, isAnew: false })
process.exit()
