import {
  BytesIEC,
  BytesPerSecondIEC,
  Days,
  Dollars,
  EventsPerSecond,
  OpsPerSecond,
  PercentUnit,
  RowsPerSecond,
  Seconds,
  Short,
  SiShort,
} from '@grafana/grafana-foundation-sdk/units'
import { createDashboard } from './dashboard.ts'
import { lines } from './panels.ts'
import { each, highest, lowest, middleAndTail, perSecond } from './queries.ts'

const postgres = [
  lines({
    title: 'Rows by table',
    about: 'Committed a second.',
    unit: RowsPerSecond,
    queries: [each('table', perSecond('polytape_rows_total', 'table'))],
  }),
  lines({
    title: 'A commit takes',
    about: 'From the sealing of the batch until Postgres has confirmed it, with all tries.',
    unit: Seconds,
    queries: middleAndTail('polytape_postgres_commit_seconds'),
  }),
  lines({
    title: 'Rows a commit',
    about: 'Of order_books.',
    unit: Short,
    queries: middleAndTail('polytape_batch_rows'),
  }),
  lines({
    title: 'Bytes a commit',
    about: 'Of order_books, as they are copied.',
    unit: BytesIEC,
    queries: middleAndTail('polytape_batch_bytes'),
  }),
  lines({
    title: 'Postgres errors by class',
    about: 'A second.',
    unit: EventsPerSecond,
    queries: [each('class', perSecond('polytape_postgres_errors_total', 'class'))],
  }),
  lines({
    title: 'Commits tried again',
    about: 'A second. Nothing is lost by it: rows and offsets are one transaction.',
    unit: EventsPerSecond,
    queries: [{ expr: perSecond('polytape_postgres_retries_total'), legend: 'retries' }],
  }),
]

const redis = [
  lines({
    title: 'Memory of Redis',
    about: 'Nearly all of it is streams that are not trimmed yet. At the limit it refuses frames.',
    unit: BytesIEC,
    queries: [
      { expr: highest('polytape_redis_memory_bytes'), legend: 'used' },
      { expr: highest('polytape_redis_memory_limit_bytes'), legend: 'limit' },
    ],
  }),
  lines({
    title: 'Redis calls by command',
    about: 'Commands a second of all roles, those of a pipeline each.',
    unit: OpsPerSecond,
    queries: [each('command', perSecond('polytape_redis_calls_total', 'command'))],
  }),
  lines({
    title: 'Redis errors by role',
    about: 'A second, by role and class.',
    unit: EventsPerSecond,
    queries: [{ expr: perSecond('polytape_redis_errors_total', 'job', 'class'), legend: '{{job}} {{class}}' }],
  }),
  lines({
    title: 'Redis commands sent again',
    about: 'A second, by role: the connection was lost before Redis had answered them.',
    unit: EventsPerSecond,
    queries: [each('job', perSecond('polytape_redis_retries_total', 'job'))],
  }),
]

const archive = [
  lines({
    title: 'Archive: days that wait',
    about: 'Days that are old enough for the archive and not there yet.',
    unit: Days,
    queries: [{ expr: highest('polytape_archive_backlog_days'), legend: 'backlog' }],
  }),
  lines({
    title: 'Archive: rows by stage',
    about: 'A second.',
    unit: RowsPerSecond,
    queries: [each('stage', perSecond('polytape_archive_rows_total', 'stage'))],
  }),
  lines({
    title: 'Archive: bytes by stage',
    about: 'A second.',
    unit: BytesPerSecondIEC,
    queries: [each('stage', perSecond('polytape_archive_bytes_total', 'stage'))],
  }),
  lines({
    title: 'CPU of the archive',
    about: 'Cores, by process. It runs at the lowest priority.',
    unit: PercentUnit,
    queries: [each('instance', perSecond('process_cpu_seconds_total{job="archive"}', 'instance'))],
  }),
  lines({
    title: 'Catalogue age',
    about: 'Since the last whole pass over the markets of the venue, one a minute.',
    unit: Seconds,
    queries: [{ expr: lowest('polytape_catalogue_age_seconds'), legend: 'age' }],
  }),
]

const cost = [
  lines({
    title: 'Cost a month by part',
    about: 'At the rate of now, by the table of prices.',
    unit: Dollars,
    queries: [each('part', highest('polytape_cost_dollars_per_month', 'part'))],
  }),
  lines({
    title: 'What 1,000 frames take',
    about: 'Commands and round trips of Redis, rows, and bytes stored, logged and sent, by kind.',
    unit: SiShort,
    queries: [each('kind', highest('polytape_cost_per_thousand_frames', 'kind'))],
  }),
  lines({
    title: "Temporal's actions an hour",
    about: 'At the rate of now, by kind: what Temporal Cloud bills.',
    unit: Short,
    queries: [each('kind', highest('polytape_temporal_actions_per_hour', 'kind'))],
  }),
  lines({
    title: 'Tier of the budget',
    about:
      '0: all is recorded. 1: without depth, 2: quotes and trades only, 3: trades only, since COST_BUDGET would be exceeded.',
    unit: Short,
    queries: [{ expr: highest('polytape_cost_tier'), legend: 'tier' }],
  }),
  lines({
    title: 'Shed by the budget',
    about: 'Changes a second to a tier that sheds more. Each is a gap with its reason.',
    unit: EventsPerSecond,
    queries: [each('tier', perSecond('polytape_cost_shed_total', 'tier'))],
  }),
]

export const STORAGE = createDashboard({
  uid: 'polytape-storage',
  title: 'storage and archive',
  about: 'Postgres, Redis, what leaves for S3, and what it costs.',
  sections: [
    { title: 'Postgres', panels: postgres },
    { title: 'Redis', panels: redis },
    { title: 'Archive', panels: archive },
    { title: 'Cost', panels: cost },
  ],
})
