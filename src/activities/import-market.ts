import type { StagedRow } from '../archive/pmxt-read.ts'
import type { VenueEvent } from '../domain/event.ts'
import { shortened, type DeadLetter } from '../normalizer/batch.ts'
import { createImportedRows, type ImportedEvent } from '../normalizer/imported-rows.ts'
import { claimSpans, importMarket, type ImportStores, type MarketImport, type OpenImport } from '../store/imports.ts'
import { readMarkets } from '../store/markets.ts'
import { parsePmxtRow, rawOf } from '../venue/pmxt/row.ts'

export type ImportCounts = { read: number; refused: number }

const LINES_PER_COPY = 20_000
/** Of one import: a file that is bad throughout tells no more by its ten millionth row. */
const MOST_LETTERS = 1_000
const LONGEST_RAW = 10_000

type Rows = ReturnType<typeof createImportedRows>
/** Of the outcomes of a market, by token. */
type Outcomes = Map<string, { outcomeId: string; rows: Rows }>

const openOutcomes = async (given: MarketImport, { client, free, left, earlier }: OpenImport): Promise<Outcomes> => {
  const { marketId, source } = given
  const [market] = await readMarkets(client, [marketId])
  return new Map(
    (market?.outcomes ?? []).map(({ outcomeId, token }) => {
      const spans = free.get(outcomeId) ?? []
      const before = { book: left.get(outcomeId), earlier: earlier.get(outcomeId) ?? [] }
      return [token, { outcomeId, rows: createImportedRows({ marketId, outcomeId, source, spans, ...before }) }]
    }),
  )
}

const toTimes = ({ seenTimeMs = 0, venueTimeMs, receivedTimeMs }: StagedRow) => ({
  capturedTimeMs: seenTimeMs,
  exchangeTimeMs: venueTimeMs,
  sourceReceivedTimeMs: receivedTimeMs,
})

/** By the token that each part is of. */
const toEvents = (row: StagedRow, event: VenueEvent): [string, ImportedEvent][] => {
  const times = toTimes(row)
  if (event.type === 'book') return [[event.token, { type: 'book', levels: event.levels, ...times }]]
  if (event.type !== 'price_change') return []
  return event.changes.map(({ token, side, level }) => [
    token,
    { type: 'changes', changes: [{ side, level }], ...times },
  ])
}

const toLetter = ({ origin, importId, source }: MarketImport, row: StagedRow, detail: string): DeadLetter => ({
  stream: `import:${source}`,
  entryId: importId,
  ordinal: row.row,
  reason: 'bad_import',
  detail: shortened(`row ${row.row} of ${origin}: ${detail}`),
  raw: rawOf(row).slice(0, LONGEST_RAW),
  firstSeenTimeMs: Date.now(),
})

/** Of whom a row is that cannot be read: of all, where it does not say. */
const lose = ({ token, placeTimeMs }: StagedRow, outcomes: Outcomes): void => {
  const one = token === null ? undefined : outcomes.get(token)
  for (const { rows } of one === undefined ? outcomes.values() : [one]) rows.lose(placeTimeMs)
}

/** @returns why the row, or some of it, cannot be used; undefined where all was applied. */
const applyRow = (row: StagedRow, outcomes: Outcomes): string | undefined => {
  if (row.seenTimeMs === undefined) {
    lose(row, outcomes)
    return 'its time is not within the hour of the file'
  }
  const parsed = parsePmxtRow(row)
  if (parsed.type === 'rejected' && parsed.breaksBook) lose(row, outcomes)
  if (parsed.type !== 'event') return parsed.detail
  const events = toEvents(row, parsed.event)
  const reasons = events.flatMap(([token, event]) => {
    const outcome = outcomes.get(token)
    return outcome === undefined
      ? `token "${token}" is no outcome of market ${row.marketId}`
      : (outcome.rows.apply(event) ?? [])
  })
  return reasons[0]
}

type Made = Pick<Rows, 'pending' | 'take'>

/** Copies what was made of rows, once it is enough to be worth it: memory does not grow with what a file has. */
export const createCollect =
  (made: Made[], copy: OpenImport['copy']) =>
  async (least: number): Promise<void> => {
    if (made.reduce((sum, rows) => sum + rows.pending(), 0) < least) return
    const lines = made.flatMap((rows) => rows.take())
    if (lines.length > 0) await copy(lines)
  }

/** Writes what the rows of one market tell of the spans that are free, in one transaction. */
export const importRows = (
  stores: ImportStores,
  given: MarketImport,
  rows: AsyncIterable<StagedRow>,
  signal: AbortSignal,
): Promise<ImportCounts> =>
  importMarket(stores, given, async (open) => {
    const counts: ImportCounts = { read: 0, refused: 0 }
    // All of it was recorded, or imported before: that is not read again to the letter.
    if (open.free.size === 0) {
      for await (const _ of rows) counts.read += 1
      return counts
    }
    const outcomes = await openOutcomes(given, open)
    const letters: DeadLetter[] = []
    const collect = createCollect([...outcomes.values()].map(({ rows: made }) => made), open.copy) // prettier-ignore
    for await (const row of rows) {
      signal.throwIfAborted()
      counts.read += 1
      const reason = applyRow(row, outcomes)
      if (reason !== undefined) {
        counts.refused += 1
        if (letters.length < MOST_LETTERS) letters.push(toLetter(given, row, reason))
      }
      await collect(LINES_PER_COPY)
    }
    const filled = [...outcomes.values()].map(({ outcomeId, rows: made }) => ({ outcomeId, spans: made.end() }))
    await collect(1)
    await claimSpans(open.client, given, filled)
    await open.keepLetters(letters, MOST_LETTERS)
    return counts
  })
