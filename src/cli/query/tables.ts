/** When a row is: at an instant, or from one to another (null = still open). */
type RowTime = { type: 'instant'; column: string } | { type: 'span'; from: string; to: string }

/** A table that a query may name. `later`: rows of its archived days that came afterwards. */
export type QueryTable = {
  name: string
  /** `sometimes`: rows without one are of the market as a whole. */
  outcome: 'always' | 'sometimes' | 'never'
  time: RowTime | undefined
  isArchived: boolean
  later: string | undefined
}

const instant = (column: string): RowTime => ({ type: 'instant', column })
const whole = { isArchived: false, later: undefined }

export const QUERY_TABLES: readonly QueryTable[] = [
  {
    name: 'order_books',
    outcome: 'always',
    time: instant('captured_at'),
    isArchived: true,
    later: 'order_books_later',
  },
  { name: 'liquidity_events', outcome: 'sometimes', time: instant('observed_at'), isArchived: true, later: undefined },
  { name: 'fills', outcome: 'always', time: instant('captured_at'), ...whole },
  { name: 'derived_metrics', outcome: 'never', time: instant('measured_at'), ...whole },
  { name: 'feed_gaps', outcome: 'always', time: { type: 'span', from: 'opened_at', to: 'closed_at' }, ...whole },
  { name: 'markets', outcome: 'never', time: undefined, ...whole },
  { name: 'outcomes', outcome: 'always', time: undefined, ...whole },
]

/**
 * Those that a statement may read: whose name is a word of it. A word in a comment reads too much; a table that is read and
 * not named is impossible.
 */
export const tablesNamed = (statement: string): QueryTable[] =>
  QUERY_TABLES.filter(({ name }) => new RegExp(`(?<![\\w$])${name}(?![\\w$])`, 'i').test(statement))
