import type { DuckDBConnection } from '@duckdb/node-api'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { confine, openDuckdb } from '../../archive/duckdb.ts'

const MEMORY_BYTES = 512_000_000

/** What one query needs on disk and of DuckDB; nothing of it is left, also after Ctrl-C. */
export type Workspace = AsyncDisposable & {
  folder: string
  connection: DuckDBConnection
}

/** Where the answer is written until it is whole. */
export const draftPath = (output: string): string => `${resolve(output)}.partial-${process.pid}`

/** `objectFolders`: where objects of the archive lie. `output`: the file that the answer goes to, if it goes to one. */
export type Reach = { objectFolders: string[]; output?: string | undefined }

/**
 * The database is a file: rows that memory cannot hold go to disk, in TMPDIR. A statement comes from anywhere, and DuckDB
 * reads files as soon as it binds one: it is held to this folder, the objects, and the draft of the output.
 */
export const openWorkspace = async ({ objectFolders, output }: Reach): Promise<Workspace> => {
  const folder = await mkdtemp(join(tmpdir(), 'polytape-query-'))
  const drafts = output === undefined ? [] : [draftPath(output)]
  const used = [folder, ...drafts]
  const path = join(folder, 'query.duckdb')
  const duckdb = await openDuckdb({ memoryBytes: MEMORY_BYTES, threads: availableParallelism(), folder, path })
  const { connection } = duckdb
  const stop = (): void => {
    connection.interrupt()
    for (const each of used) rmSync(each, { recursive: true, force: true })
    process.exit(130)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  await connection.run('set enable_progress_bar = true; set enable_progress_bar_print = false')
  await confine(connection, { folders: [folder, ...objectFolders], paths: drafts })
  return {
    folder,
    connection,
    [Symbol.asyncDispose]: async () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      duckdb[Symbol.dispose]()
      for (const each of used) await rm(each, { recursive: true, force: true })
    },
  }
}
