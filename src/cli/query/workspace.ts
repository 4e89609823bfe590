import type { DuckDBConnection } from '@duckdb/node-api'
import { rmSync } from 'node:fs'
import { availableParallelism, constants } from 'node:os'
import { join, resolve } from 'node:path'
import { confine, openDuckdb, type Duckdb } from '../../archive/duckdb.ts'
import { makeWorkspaceFolder } from './workspace-folder.ts'

const MEMORY_BYTES = 512_000_000

/** What one query needs on disk and of DuckDB; nothing of it is left, also after Ctrl-C or a closed terminal. */
export type Workspace = AsyncDisposable & {
  folder: string
  connection: DuckDBConnection
}

/** Where the answer is written until it is whole. */
export const draftPath = (output: string): string => `${resolve(output)}.partial-${process.pid}`

/** `objectFolders`: where objects of the archive lie. `output`: the file that the answer goes to, if it goes to one. */
export type Reach = { objectFolders: string[]; output?: string | undefined }

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Ends the process as a signal would, after `work`. What it returns undoes that. */
const onSignal = (work: () => void): (() => void) => {
  const stop = (signal: NodeJS.Signals): void => {
    work()
    process.exit(128 + constants.signals[signal])
  }
  for (const signal of SIGNALS) process.once(signal, stop)
  return () => SIGNALS.forEach((signal) => process.off(signal, stop))
}

type Confines = { objectFolders: string[]; drafts: string[] }

const openConfined = async (folder: string, { objectFolders, drafts }: Confines): Promise<Duckdb> => {
  const path = join(folder, 'query.duckdb')
  const duckdb = await openDuckdb({ memoryBytes: MEMORY_BYTES, threads: availableParallelism(), folder, path })
  try {
    await duckdb.connection.run('set enable_progress_bar = true; set enable_progress_bar_print = false')
    await confine(duckdb.connection, { folders: [folder, ...objectFolders], paths: drafts })
    return duckdb
  } catch (error) {
    duckdb[Symbol.dispose]()
    throw error
  }
}

/**
 * The database is a file: rows that memory cannot hold go to disk, in TMPDIR. A statement comes from anywhere, and DuckDB
 * reads files as soon as it binds one: it is held to this folder, the objects, and the draft of the output.
 */
export const openWorkspace = async ({ objectFolders, output }: Reach): Promise<Workspace> => {
  const folder = await makeWorkspaceFolder()
  const drafts = output === undefined ? [] : [draftPath(output)]
  let duckdb: Duckdb | undefined
  const remove = (): void => [folder, ...drafts].forEach((path) => rmSync(path, { recursive: true, force: true }))
  const ignoreSignals = onSignal(() => {
    duckdb?.connection.interrupt()
    remove()
  })
  const close = (): void => {
    ignoreSignals()
    duckdb?.[Symbol.dispose]()
    remove()
  }
  try {
    duckdb = await openConfined(folder, { objectFolders, drafts })
    return { folder, connection: duckdb.connection, [Symbol.asyncDispose]: async () => close() }
  } catch (error) {
    close()
    throw error
  }
}
