import type { Pool } from 'pg'
import type { ObjectStore } from '../archive/store/object-store.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'

export type ArchiveDeps = {
  pool: Pool
  store: ObjectStore
  /** On a disk with room for a day: what is in work, and what an upload goes on with after a crash. */
  folder: string
  /** Of DuckDB's buffers. */
  memoryBytes: number
  threads: number
  /** A partition is younger than so many days, or nobody takes it up by itself. */
  afterDays: number
  /** How long a proved partition stays in Postgres too. */
  graceHours: number
  log: Logger
  stats: Stats
}
