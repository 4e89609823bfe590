import { ARCHIVED_TABLES } from '../../archive/tables.ts'

/** When a row is: at an instant, or from one to another (null = still open). */
type RowTime = { type: 'instant'; column: string } | { type: 'span'; from: string; to: string }

/** A table that a query may name. `outcome`: `sometimes` = rows without one are of the market as a whole. */
export type QueryTable = {
  name: string
  outcome: 'always' | 'sometimes' | 'never'
  time: RowTime | undefined
  /** As the archive sorts it, so that an export of a day is the same wherever the day lies. */
  order: string
}

const at = (column: string): RowTime => ({ type: 'instant', column })

export const QUERY_TABLES: readonly QueryTable[] = [
  { name: 'order_books', outcome: 'always', time: at('captured_at'), order: 'outcome_id, captured_at, id' },
  {
    name: 'liquidity_events',
    outcome: 'sometimes',
    time: at('observed_at'),
    order: 'market_id, observed_at, event_id',
  },
  { name: 'fills', outcome: 'always', time: at('captured_at'), order: 'market_id, captured_at, fill_id' },
  {
    name: 'derived_metrics',
    outcome: 'never',
    time: at('measured_at'),
    order: 'market_id, measured_at, metric_type, "window"',
  },
  {
    name: 'feed_gaps',
    outcome: 'always',
    time: { type: 'span', from: 'opened_at', to: 'closed_at' },
    order: 'outcome_id, opened_at, gap_id',
  },
  { name: 'imported_prices', outcome: 'always', time: at('priced_at'), order: 'outcome_id, priced_at' },
  {
    name: 'imported_spans',
    outcome: 'always',
    time: { type: 'span', from: 'begins_at', to: 'ends_at' },
    order: 'outcome_id, source, begins_at',
  },
  { name: 'markets', outcome: 'never', time: undefined, order: 'market_id' },
  { name: 'outcomes', outcome: 'always', time: undefined, order: 'outcome_id' },
]

export const isArchived = ({ name }: QueryTable): boolean => ARCHIVED_TABLES.some((table) => table.name === name)

/**
 * Those that a statement may read: whose name is a word of it. A word in a comment reads too much; a table that is read and
 * not named is impossible.
 */
export const tablesNamed = (statement: string): QueryTable[] =>
  QUERY_TABLES.filter(({ name }) => new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'i').test(statement))
