import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What one query needs on disk and of DuckDB; nothing of it is left, also after Ctrl-C. */
export type Workspace = AsyncDisposable & {
  folder: string
  connection: DuckDBConnection
  /** Removed if the query is interrupted before `keep`. */
  onInterrupt: (path: string) => void
}

/** The database is a file, so that rows beyond the memory limit go to disk. */
export const openWorkspace = async (): Promise<Workspace> => {
  const folder = await mkdtemp(join(tmpdir(), 'polytape-query-'))
  const paths = new Set([folder])
  const stop = (): void => {
    for (const path of paths) rmSync(path, { recursive: true, force: true })
    process.exit(130)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const instance = await DuckDBInstance.create(join(folder, 'query.duckdb'), { memory_limit: '1GB', threads: '2' })
  const connection = await instance.connect()
  await connection.run("set timezone = 'UTC'; set enable_progress_bar = true; set enable_progress_bar_print = false")
  return {
    folder,
    connection,
    onInterrupt: (path) => paths.add(path),
    [Symbol.asyncDispose]: async () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      connection.closeSync()
      instance.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
