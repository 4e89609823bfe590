import { EVERY_ROLE, type MetricRow } from './row.ts'

/** The catalogue, the archive, and what recording costs. */
export const CONTROL_ROWS: readonly MetricRow[] = [
  {
    name: 'polytape_catalogue_age_seconds',
    type: 'gauge',
    help: 'Time since a whole pass over the catalogue, by whichever control process; absent before the first.',
    label: '',
    roles: ['control'],
    source: { from: 'figure', figure: 'catalogueAgeMs', per: 1_000 },
  },
  {
    name: 'polytape_archive_rows_total',
    type: 'counter',
    help: 'Rows of parts that were written as objects, read back and proved, and dropped in Postgres.',
    label: 'stage',
    roles: ['archive'],
    source: { from: 'family', family: 'archiveRows', values: ['proved', 'dropped'] },
  },
  {
    name: 'polytape_archive_bytes_total',
    type: 'counter',
    help: 'Bytes of objects, by the same stages.',
    label: 'stage',
    roles: ['archive'],
    source: { from: 'family', family: 'archiveBytes', values: ['written', 'proved', 'dropped'] },
  },
  {
    name: 'polytape_archive_backlog_days',
    type: 'gauge',
    help: 'UTC days that are old enough for the archive and of which a table is not proved there; looked up once a minute.',
    label: '',
    roles: ['archive'],
    source: { from: 'figure', figure: 'archiveBacklogDays' },
  },
  {
    name: 'polytape_event_loop_lag_seconds',
    type: 'gauge',
    help: 'How late the event loop was at the 99th percentile since the scrape before.',
    label: '',
    roles: EVERY_ROLE,
    source: { from: 'figure', figure: 'eventLoopLagMs', per: 1_000 },
  },
  {
    name: 'polytape_cost_dollars_per_month',
    type: 'gauge',
    help: 'What the last hour would cost in a month, by part, at the prices of the table.',
    label: 'part',
    roles: ['control'],
    source: { from: 'family', family: 'costDollarsPerMonth', values: [] },
  },
  {
    name: 'polytape_cost_tier',
    type: 'gauge',
    help: 'How much COST_BUDGET sheds: 0 nothing, 1 depth, 2 all but quotes, 3 all but trades.',
    label: '',
    roles: ['control'],
    source: { from: 'figure', figure: 'costTier' },
  },
  {
    name: 'polytape_cost_shed_total',
    type: 'counter',
    help: 'Markets that COST_BUDGET set down to a tier.',
    label: 'tier',
    roles: ['control'],
    source: { from: 'family', family: 'costShed', values: [] },
  },
]
