import { CONTROL_ROWS } from './rows-control.ts'
import { FEED_ROWS } from './rows-feed.ts'
import { NORMALIZER_ROWS } from './rows-normalizer.ts'
import { STANDING_ROWS } from './rows-standing.ts'
import { STORE_ROWS } from './rows-stores.ts'
import type { MetricRow, Role } from './row.ts'

/** Every metric of ours: the pages, the documentation and the tests are made from it. A new one is one row. */
export const CATALOGUE: readonly MetricRow[] = [
  ...FEED_ROWS,
  ...NORMALIZER_ROWS,
  ...STORE_ROWS,
  ...CONTROL_ROWS,
  ...STANDING_ROWS,
]

export const rowsOf = (role: Role): MetricRow[] => CATALOGUE.filter(({ roles }) => roles.includes(role))
