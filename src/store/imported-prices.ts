import type { TimeSpan } from '../domain/span.ts'
import type { DeadLetter } from '../normalizer/batch.ts'
import type { FilledSpan } from '../normalizer/span-walk.ts'
import { claimSpans, importMarket, type ImportStores, type MarketImport } from './imports.ts'

type Point = { timeMs: number; priceText: string }

const INSERT = `
insert into imported_prices (priced_at, price, market_id, outcome_id, source)
select priced_at, price, $2, $3, $4 from jsonb_to_recordset($1::jsonb) as n(priced_at timestamptz, price numeric)
on conflict (outcome_id, priced_at) do nothing`

/** Runs of points without a hole, each until its price is as old as the next one would be. */
const toRuns = (points: Point[], stepMs: number, free: TimeSpan): FilledSpan[] => {
  const runs: FilledSpan[] = []
  for (const { timeMs } of points) {
    if (timeMs < free.fromTimeMs || timeMs >= free.toTimeMs) continue
    const last = runs.at(-1)
    const toTimeMs = Math.min(timeMs + stepMs, free.toTimeMs)
    if (last !== undefined && timeMs <= last.toTimeMs + stepMs) Object.assign(last, { toTimeMs, rows: last.rows + 1 })
    else runs.push({ fromTimeMs: timeMs, toTimeMs, rows: 1 })
  }
  return runs
}

/** What came of an outcome in the span of an import, in the order of time; `stepMs`: between two points, at best. */
export type PricesPage = { outcomeId: string; points: Point[]; stepMs: number; letters: DeadLetter[] }

/** Keeps the prices of spans that nothing else fills, in one transaction with the word that they are filled. */
export const importPrices = (
  stores: ImportStores,
  given: MarketImport,
  page: PricesPage,
  mostLetters: number,
): Promise<void> =>
  importMarket(stores, given, async ({ client, free, keepLetters }) => {
    const { outcomeId, points, stepMs, letters } = page
    const spans = (free.get(outcomeId) ?? []).flatMap((span) => toRuns(points, stepMs, span))
    const kept = points.filter(({ timeMs }) =>
      spans.some((span) => timeMs >= span.fromTimeMs && timeMs < span.toTimeMs),
    )
    const rows = kept.map(({ timeMs, priceText }) => ({ priced_at: new Date(timeMs).toISOString(), price: priceText }))
    await client.query(INSERT, [JSON.stringify(rows), given.marketId, outcomeId, given.source])
    await claimSpans(client, given, [{ outcomeId, spans }])
    await keepLetters(letters, mostLetters)
  })
