import type { Stats } from '../lib/stats.ts'
import type { Batch, DeadLetter } from '../normalizer/batch.ts'

/** Rows of a committed batch by table. Of fills those that are new: one that became confirmed has its row already. */
const rowsOf = (batch: Batch): [table: string, count: number][] => [
  ['order_books', batch.bookLines.length],
  ['fills', batch.news.filter(({ source }) => source !== 'both').length],
  ['wallet_activities', batch.activities.length],
  ['feed_gaps', batch.gapsOpened.length],
  ['dead_letters', batch.deadLetters.length],
  ['book_checkpoints', batch.checkpoints.length],
  ['book_proofs', batch.proofs.length],
  ['derived_metrics', [...batch.metrics.values()].reduce((sum, { values }) => sum + values.length, 0)],
  ['metric_buckets', batch.metricBuckets.size],
  ['liquidity_events', batch.liquidity.length],
  ['alert_events', batch.alertEvents.length],
]

export const countLetters = (stats: Stats, letters: readonly DeadLetter[]): void => {
  for (const { reason } of letters) stats.count(`letters:${reason}`)
}

export const countRows = (stats: Stats, batch: Batch): void => {
  stats.count('rows', batch.bookLines.length)
  for (const [table, count] of rowsOf(batch)) if (count > 0) stats.count(`rows:${table}`, count)
  countLetters(stats, batch.deadLetters)
}
