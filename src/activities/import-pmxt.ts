import { access, constants, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ApplicationFailure, cancellationSignal } from '@temporalio/activity'
import { download } from '../archive/download.ts'
import { readStaged, type StagedRow } from '../archive/pmxt-read.ts'
import { stagePmxt, type Staged } from '../archive/pmxt-stage.ts'
import { isAddress, shownOrigin } from '../domain/import-origin.ts'
import type { TimeSpan } from '../domain/span.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { SETTLED_MS } from '../store/import-free.ts'
import { ensureDays, findMarketsByKey, readWritten, type ImportStores } from '../store/imports.ts'
import { layoutOf } from '../venue/pmxt/layout.ts'
import { beating } from './beating.ts'
import { importRows } from './import-market.ts'
import { createImportTurns } from './import-turns.ts'

export type ImportPmxtDeps = ImportStores & { folder: string; log: Logger; stats: Stats }

/** `origin`: a path, or an http(s) address. `markets`: ids, no others. `importId`: the workflow's run. */
export type PmxtImport = { origin: string; importId: string; markets?: string[] }

/** `after`: the last market that is done; '' for none. */
export type PmxtSlice = PmxtImport & { after: string }

/** `after` is absent at the end. `written`: rows of the whole import so far. */
export type ImportedSlice = { after?: string; markets: number; read: number; refused: number; written: number }

const PMXT = 'pmxt'
/** A worker that dies leaves the markets of a slice to be looked at again. */
const ROWS_PER_SLICE = 200_000
/** Left behind by imports that were terminated. */
const STALE_FOLDER_MS = 7 * 86_400_000

const removeStale = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path)
    if (Date.now() - mtimeMs > STALE_FOLDER_MS) await rm(path, { recursive: true, force: true })
  }
}

/** Rows of one market, and so on. */
async function* byMarket(
  rows: AsyncIterable<StagedRow>,
): AsyncIterable<AsyncIterable<StagedRow> & { marketId: string }> {
  const iterator = rows[Symbol.asyncIterator]()
  let next = await iterator.next()
  try {
    while (next.done !== true) {
      const { marketId } = next.value
      const ofMarket = async function* (): AsyncIterable<StagedRow> {
        while (next.done !== true && next.value.marketId === marketId) {
          yield next.value
          next = await iterator.next()
        }
      }
      yield Object.assign(ofMarket(), { marketId })
    }
  } finally {
    await iterator.return?.()
  }
}

type Beat = (details: unknown) => void

/** What one attempt works with. */
type Attempt = ImportPmxtDeps & { given: PmxtImport; folder: string; beat: Beat; signal: AbortSignal }

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const refused = (expected: string, got: string): ApplicationFailure =>
  ApplicationFailure.nonRetryable(`expected ${expected}, got ${got}`, 'Refused')

/** One file that can be read: a folder, a pipe, or a pattern that DuckDB would look for files with is none. */
const demandFile = async (path: string): Promise<void> => {
  if (/[*?[]/.test(path)) throw refused('the path of one file, without *, ? and [', path)
  const found = await stat(path).catch((error: unknown) => {
    throw refused('a file that the control worker can read', reasonOf(error))
  })
  if (!found.isFile()) throw refused('a file', `${path}, which is none`)
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw refused('a file that the control worker can read', reasonOf(error))
  })
}

const openFile = async ({ given, folder, beat, signal }: Attempt): Promise<string> => {
  if (isAddress(given.origin)) {
    const path = join(folder, 'source.parquet')
    await download({ url: given.origin, path }, (doneBytes) => beat({ doneBytes }), signal)
    return path
  }
  await demandFile(given.origin)
  return given.origin
}

/** @throws ApplicationFailure for a file of what is to come; Error while its last frames may be on their way here. */
const demandPast = ({ toTimeMs }: TimeSpan): void => {
  const [ends, age] = [new Date(toTimeMs).toISOString(), Date.now() - toTimeMs]
  if (age < 0) throw ApplicationFailure.nonRetryable(`expected a file of the past, got one until ${ends}`, 'Refused')
  if (age < SETTLED_MS) throw new Error(`waits until ${SETTLED_MS / 60_000} minutes after ${ends}, where the file ends`)
}

const stage = async (attempt: Attempt): Promise<Staged> => {
  const { folder, given, pool, signal } = attempt
  await mkdir(folder, { recursive: true })
  const findMarkets = (keys: string[]) => findMarketsByKey(pool, keys, given.markets)
  const staged = await stagePmxt({ folder, open: () => openFile(attempt) }, { layoutOf, findMarkets }, signal)
  demandPast(staged)
  return staged
}

const importSlice = async (attempt: Attempt, begun: string, span: TimeSpan): Promise<ImportedSlice> => {
  const { pool, hasUnread, folder, given, stats, signal } = attempt
  const { importId } = given
  const origin = shownOrigin(given.origin)
  const done = { markets: 0, read: 0, refused: 0 }
  let after: { after?: string } = {}
  await ensureDays(pool, span)
  for await (const rows of byMarket(readStaged(folder, begun))) {
    const { marketId } = rows
    const counts = await importRows(
      { pool, hasUnread },
      { marketId, importId, source: PMXT, origin, span },
      rows,
      signal,
    )
    done.markets += 1
    done.read += counts.read
    done.refused += counts.refused
    if (done.read < ROWS_PER_SLICE) continue
    after = { after: marketId }
    break
  }
  stats.count('importRowsRead', done.read)
  stats.count('importRowsRefused', done.refused)
  const { rows: written } = await readWritten(pool, importId, PMXT)
  return { ...after, ...done, written }
}

export type ImportPmxtActivities = ReturnType<typeof createImportPmxtActivities>

/** `deps.folder`: of all imports; each has one of its own in it. */
export const createImportPmxtActivities = (deps: ImportPmxtDeps) => {
  const inTurn = createImportTurns()
  const folderOf = ({ importId }: PmxtImport): string => join(deps.folder, importId)
  const attempting = <T>(given: PmxtImport, work: (attempt: Attempt) => Promise<T>): Promise<T> =>
    inTurn(() =>
      beating((beat) => work({ ...deps, given, folder: folderOf(given), beat, signal: cancellationSignal() })),
    )
  return {
    /** Downloads a file where it is no local one, and sorts what it has of known markets. Both once, whatever dies. */
    stagePmxt: (given: PmxtImport): Promise<Staged> =>
      attempting(given, async (attempt) => {
        await removeStale(deps.folder)
        const staged = await stage(attempt)
        deps.log.info({ ...staged, origin: shownOrigin(given.origin) }, 'staged a file for its import')
        return staged
      }),

    /** Imports some markets, each in one transaction: those that were done before are found done. */
    importPmxtSlice: (slice: PmxtSlice): Promise<ImportedSlice> =>
      attempting(slice, async (attempt) => importSlice(attempt, slice.after, await stage(attempt))),

    /** Nothing of it is needed any more. */
    forgetPmxt: (given: PmxtImport): Promise<void> => rm(folderOf(given), { recursive: true, force: true }),
  }
}
