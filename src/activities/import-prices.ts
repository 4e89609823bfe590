import { cancellationSignal } from '@temporalio/activity'
import type { Pool } from 'pg'
import type { TimeSpan } from '../domain/span.ts'
import type { Stats } from '../lib/stats.ts'
import { shortened, type DeadLetter } from '../normalizer/batch.ts'
import { importPrices } from '../store/imported-prices.ts'
import { readWritten, type ImportStores } from '../store/imports.ts'
import { readMarkets } from '../store/markets.ts'
import type { PricesHistory } from '../venue/polymarket/prices-history.ts'
import { beating } from './beating.ts'
import { createImportTurns } from './import-turns.ts'

export type ImportPricesDeps = ImportStores & { prices: PricesHistory; stats: Stats }

/** One outcome from `fromTimeMs` on. `fidelity`: minutes between two points. */
export type PricesSlice = TimeSpan & {
  importId: string
  marketId: string
  outcomeId: string
  token: string
  fidelity: number
}

/** `at`: where the next slice goes on; absent at the end. `written`: rows of the whole import so far. */
export type ImportedPrices = { at?: number; read: number; refused: number; written: number }

const SOURCE = 'prices_history'
const MINUTE_MS = 60_000
/** The venue refuses spans of too many points. */
const POINTS_PER_CALL = 4_000
const CALLS_PER_SLICE = 10
const MOST_LETTERS = 1_000

const toLetter = (slice: PricesSlice, raw: string, number: number): DeadLetter => ({
  stream: `import:${SOURCE}`,
  entryId: `${slice.importId} ${slice.outcomeId}`,
  ordinal: number,
  reason: 'bad_import',
  detail: shortened(`expected {"t": seconds, "p": 0 to 1} of ${slice.outcomeId}`),
  raw,
  firstSeenTimeMs: Date.now(),
})

/** One that was never recorded comes to Postgres through the stream of markets, a moment after the catalogue has told it. */
const demandMarket = async (pool: Pool, marketId: string): Promise<void> => {
  const [market] = await readMarkets(pool, [marketId])
  if (market === undefined)
    throw new Error(`expected market ${marketId} in table markets, where the normalizer writes it`)
}

export type ImportPricesActivities = ReturnType<typeof createImportPricesActivities>

export const createImportPricesActivities = ({ prices, stats, ...stores }: ImportPricesDeps) => {
  const { pool } = stores
  const inTurn = createImportTurns()
  const importWindow = async (slice: PricesSlice, span: TimeSpan, signal: AbortSignal) => {
    const { importId, marketId, outcomeId, token, fidelity } = slice
    const { points, rejected } = await prices.read({ token, span, fidelity }, signal)
    const given = { marketId, importId, source: SOURCE, origin: `/prices-history of ${token}`, span } as const
    // Numbered by the minute at which their page begins: a page that is read again is the same letters.
    const letters = rejected.map((raw, index) => toLetter(slice, raw, span.fromTimeMs + index))
    await importPrices(stores, given, { outcomeId, points, stepMs: fidelity * MINUTE_MS, letters }, MOST_LETTERS)
    return { read: points.length + rejected.length, refused: rejected.length }
  }
  return {
    /** When the history of a token begins; absent where it has none. */
    findPrices: ({ token }: { token: string }): Promise<{ beginsTimeMs?: number }> =>
      beating(async () => {
        const beginsTimeMs = await prices.beginsAt(token, cancellationSignal())
        return beginsTimeMs === undefined ? {} : { beginsTimeMs }
      }),

    /** Imports the prices of some windows, each in one transaction: what was written before changes nothing. */
    importPricesSlice: (slice: PricesSlice): Promise<ImportedPrices> =>
      inTurn(() =>
        beating(async () => {
          const signal = cancellationSignal()
          const done = { read: 0, refused: 0 }
          await demandMarket(pool, slice.marketId)
          const windowMs = POINTS_PER_CALL * slice.fidelity * MINUTE_MS
          let at = slice.fromTimeMs
          for (let call = 0; call < CALLS_PER_SLICE && at < slice.toTimeMs; call++) {
            const span = { fromTimeMs: at, toTimeMs: Math.min(slice.toTimeMs, at + windowMs) }
            const counts = await importWindow(slice, span, signal)
            done.read += counts.read
            done.refused += counts.refused
            at = span.toTimeMs
          }
          stats.count('importRowsRead', done.read)
          stats.count('importRowsRefused', done.refused)
          const { rows: written } = await readWritten(pool, slice.importId, SOURCE)
          return { ...(at < slice.toTimeMs ? { at } : {}), ...done, written }
        }),
      ),
  }
}
