import type { DuckDBConnection } from '@duckdb/node-api'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDuckdb } from '../../archive/duckdb.ts'

const MEMORY_BYTES = 512_000_000

/** What one query needs on disk and of DuckDB; nothing of it is left, also after Ctrl-C. */
export type Workspace = AsyncDisposable & {
  folder: string
  connection: DuckDBConnection
  /** Removed at the end as well, whatever the end is. */
  removeAtEnd: (path: string) => void
}

/** The database is a file: rows that memory cannot hold go to disk, in TMPDIR. */
export const openWorkspace = async (): Promise<Workspace> => {
  const folder = await mkdtemp(join(tmpdir(), 'polytape-query-'))
  const paths = new Set([folder])
  const path = join(folder, 'query.duckdb')
  const duckdb = await openDuckdb({ memoryBytes: MEMORY_BYTES, threads: availableParallelism(), folder, path })
  const { connection } = duckdb
  const stop = (): void => {
    connection.interrupt()
    for (const used of paths) rmSync(used, { recursive: true, force: true })
    process.exit(130)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  await connection.run('set enable_progress_bar = true; set enable_progress_bar_print = false')
  return {
    folder,
    connection,
    removeAtEnd: (added) => paths.add(added),
    [Symbol.asyncDispose]: async () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      duckdb[Symbol.dispose]()
      for (const used of paths) await rm(used, { recursive: true, force: true })
    },
  }
}
