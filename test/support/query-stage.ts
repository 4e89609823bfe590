import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Pool } from 'pg'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { openArchive } from '../../src/cli/polytape/open-archive.ts'
import type { BookDeps } from '../../src/cli/query/archived-book.ts'
import type { Scope } from '../../src/cli/query/scope.ts'
import { createArchiveStage } from './archive-stage.ts'
import { askQuery, openFolder, recordMarkets, type Answered } from './query-tape.ts'
import { createDatabase } from './services.ts'

/** The second of three days that are recorded: the one that moves. */
export const DAY = '2026-10-02'
export const MIDNIGHT_MS = Date.UTC(2026, 9, 2)
export const EVERYTHING: Scope = { markets: undefined, fromTimeMs: undefined, toTimeMs: undefined }
/** An outcome without checkpoints. */
export const IMPORTED = '72:7'

/** Three recorded days of two markets, and an archive for them. */
export const openStage = async (url: string) => {
  const database = await createDatabase()
  const folder = openFolder()
  await recordMarkets(database.pool, ['71', '72'], MIDNIGHT_MS)
  const store = openObjectStore(url)
  const archive = openArchive({ url, cacheFolder: join(folder.path, 'cache'), cacheBytes: 100_000_000 })
  const { pool } = database
  const deps: BookDeps = { pool, ...archive, onProgress: () => undefined }
  const ask = (statement: string, scope: Partial<Scope> = {}, by = pool): Promise<Answered> =>
    askQuery(by, archive, { statement, scope: { ...EVERYTHING, ...scope }, maxBytes: Infinity })
  return {
    pool,
    deps,
    ask,
    stage: createArchiveStage(pool, store, folder.path),
    [Symbol.asyncDispose]: async () => {
      for (const opened of [archive, store, database]) await opened[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

export type Stage = Awaited<ReturnType<typeof openStage>>

export const inFolder = async (use: (url: string) => Promise<void>): Promise<void> => {
  using folder = openFolder()
  await use(pathToFileURL(folder.path).href)
}

const HOUR_MS = 3_600_000

/** Rows that an import brings for a day that is sealed. */
export const importLater = (pool: Pool): Promise<unknown> =>
  pool.query(
    `insert into order_books_later (id, captured_at, source_ts, price, size, market_id, outcome_id, side, kind, source)
     select n * 65536, $2::timestamptz + n * interval '10 seconds 123456 microseconds', null, 0.01 * n, 1.5 * n, '72', $1,
       case when n < 20 then 'bid' else 'ask' end, case when n = 1 then 'snapshot' else 'change' end, 'pmxt'
     from generate_series(1, 40) n`,
    [IMPORTED, new Date(MIDNIGHT_MS + HOUR_MS).toISOString()],
  )

/** A pool in whose transactions something happens after the snapshot was taken, before it holds what it names. */
export const meddled = (pool: Pool, meddle: () => Promise<unknown>): Pool => {
  let isDone = false
  const connect = async () => {
    const client = await pool.connect()
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    const meddling = async (...args: unknown[]): Promise<unknown> => {
      if (!isDone && String(args[0]).startsWith('lock table')) {
        isDone = true
        await meddle()
      }
      return query(...args)
    }
    // A COPY is no promise: it goes by the client itself.
    client.query = ((...args: unknown[]) =>
      typeof args[0] === 'string' ? meddling(...args) : query(...args)) as typeof client.query
    return client
  }
  return { connect } as unknown as Pool
}
