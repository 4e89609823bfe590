import { FEED_KINDS } from '../domain/heartbeat.ts'
import type { MetricRow } from './row.ts'

/** What stands in Postgres and Redis: every control process shows the same, whichever of them ran the checks. */
export const STANDING_ROWS: readonly MetricRow[] = [
  {
    name: 'polytape_feed_alerts_open',
    type: 'gauge',
    help: 'Alerts of the heartbeats that have not recovered, by kind; looked up when somebody scrapes.',
    label: 'kind',
    roles: ['control'],
    source: { from: 'family', family: 'feedAlertsOpenOf', values: [...FEED_KINDS, 'partitions', 'archive'] },
  },
  {
    name: 'polytape_redis_memory_bytes',
    type: 'gauge',
    help: 'What Redis says that it uses; absent where it does not say.',
    label: '',
    roles: ['control'],
    source: { from: 'figure', figure: 'redisMemoryBytes' },
  },
  {
    name: 'polytape_redis_memory_limit_bytes',
    type: 'gauge',
    help: 'Its maxmemory; the memory of its machine where there is none.',
    label: '',
    roles: ['control'],
    source: { from: 'figure', figure: 'redisMemoryLimitBytes' },
  },
]
