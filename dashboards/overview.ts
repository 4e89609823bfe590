import {
  DurationSeconds,
  EventsPerSecond,
  PercentUnit,
  Seconds,
  Short,
  Dollars,
  BytesIEC,
} from '@grafana/grafana-foundation-sdk/units'
import { createDashboard } from './dashboard.ts'
import { figure, lines } from './panels.ts'
import { DROP_SHARE, each, highest, latency, lowest, perSecond, quantile, total } from './queries.ts'

const ROLES = 'up{job=~"control|feed|normalizer|archive"}'

const alarms = [
  figure({
    title: 'Alerts firing',
    about: 'Rules of Prometheus that fire now; RUNBOOK.md has a section for each.',
    unit: Short,
    expr: 'count(ALERTS{alertstate="firing"}) or vector(0)',
    bounds: { warn: 1, bad: 1 },
  }),
  figure({
    title: 'Roles that answer, of 4',
    about: 'Roles (control, feed, normalizer, archive) of which at least one process answers Prometheus.',
    unit: Short,
    expr: `count(sum by (job) (${ROLES}) > 0) or vector(0)`,
    bounds: { warn: 4, bad: 4, isBadBelow: true },
  }),
  figure({
    title: 'Source → commit, p99',
    about:
      "From the venue's own time of a frame until its rows are committed. Includes the network and what the clocks differ.",
    unit: Seconds,
    expr: quantile(0.99, 'polytape_latency_seconds', 'stage="venue_to_commit"'),
    bounds: { warn: 0.5, bad: 1 },
  }),
  figure({
    title: 'Dropped',
    about: 'Frames and rows that were not used, as a share of the frames that came.',
    unit: PercentUnit,
    expr: DROP_SHARE,
    bounds: { warn: 0.001, bad: 0.01 },
    decimals: 2,
  }),
  figure({
    title: 'Verified share',
    about: 'Books that the hash of the venue proves, of all that are followed; of the shard with the fewest.',
    unit: PercentUnit,
    expr: lowest('polytape_verified_share'),
    bounds: { warn: 0.99, bad: 0.95, isBadBelow: true },
    decimals: 1,
  }),
  figure({
    title: 'Share in a gap',
    about:
      'Outcomes whose book is not known now, of those that are subscribed. Each has a row in feed_gaps with its reason.',
    unit: PercentUnit,
    expr: `${total('polytape_gaps_open')} / clamp_min(${total('polytape_tokens_subscribed')}, 1)`,
    bounds: { warn: 0.01, bad: 0.05 },
    decimals: 1,
  }),
]

const health = [
  figure({
    title: 'Since the last frame',
    about: 'Of the group that heard last: one group of quiet markets may well have nothing to say for minutes.',
    unit: Seconds,
    expr: lowest('polytape_feed_age_seconds and on (job, instance) (polytape_tokens_subscribed > 0)'),
    bounds: { warn: 30, bad: 60 },
  }),
  figure({
    title: 'Stream lag',
    about: 'By how much the shard that is furthest behind is behind the stream.',
    unit: Seconds,
    expr: highest('polytape_stream_lag_seconds'),
    bounds: { warn: 5, bad: 30 },
  }),
  figure({
    title: 'Source → cache, p50',
    about: "From the venue's own time of a frame until Redis shows it.",
    unit: Seconds,
    expr: quantile(0.5, 'polytape_latency_seconds', 'stage="venue_to_cache"'),
    bounds: { warn: 0.25, bad: 1 },
  }),
  figure({
    title: 'Frames',
    about: 'Frames that all feeds receive.',
    unit: EventsPerSecond,
    expr: perSecond('polytape_frames_total'),
  }),
  figure({
    title: 'Markets live',
    about: 'Markets with a book that is followed now.',
    unit: Short,
    expr: total('polytape_markets{state="live"}'),
  }),
  figure({
    title: 'Cost a month',
    about: 'What a month would cost at the rate of now, by the table of prices.',
    unit: Dollars,
    // Each control process tells the same.
    expr: `sum(${highest('polytape_cost_dollars_per_month', 'part')})`,
  }),
]

const course = [
  lines({
    title: 'Latency from the source',
    about: 'Until the hot cache shows it and until it is committed.',
    unit: Seconds,
    queries: [...latency('venue_to_cache'), ...latency('venue_to_commit')],
  }),
  lines({
    title: 'Frames received and applied',
    about: 'Applied less than received for long: the normalizer falls behind.',
    unit: EventsPerSecond,
    queries: [
      { expr: perSecond('polytape_frames_total'), legend: 'received' },
      { expr: perSecond('polytape_frames_applied_total'), legend: 'applied' },
    ],
  }),
  lines({
    title: 'Not used, by reason',
    about: 'Frames and rows a second. Nothing is dropped in silence.',
    unit: EventsPerSecond,
    queries: [each('reason', perSecond('polytape_drops_total', 'reason'))],
  }),
  lines({
    title: 'Gaps',
    about: 'Open now, and opened a minute.',
    unit: Short,
    queries: [
      { expr: total('polytape_gaps_open'), legend: 'open' },
      { expr: `60 * ${perSecond('polytape_gaps_total')}`, legend: 'opened a minute' },
    ],
  }),
  lines({
    title: 'CPU',
    about: 'Cores in use, by role.',
    unit: PercentUnit,
    queries: [each('job', perSecond('process_cpu_seconds_total', 'job'))],
  }),
  lines({
    title: 'Memory',
    about: 'Resident, by role.',
    unit: BytesIEC,
    queries: [each('job', total('process_resident_memory_bytes', 'job'))],
  }),
  lines({
    title: 'Alerts over time',
    about: 'Rules of Prometheus that fired.',
    unit: Short,
    queries: [{ expr: 'count by (alertname) (ALERTS{alertstate="firing"}) or vector(0)', legend: '{{alertname}}' }],
    span: 12,
  }),
  lines({
    title: 'Up for',
    about: 'Since when the youngest process of each role runs: a role that starts again and again shows here.',
    unit: DurationSeconds,
    queries: [each('job', `time() - ${highest('process_start_time_seconds', 'job')}`)],
    span: 12,
  }),
]

export const OVERVIEW = createDashboard({
  uid: 'polytape-overview',
  title: 'is it all right?',
  about: 'Green in the first two rows: all is recorded, in time and proved. The rows below say since when not.',
  sections: [
    { title: 'Is it all right?', panels: alarms },
    { title: 'How is it doing?', panels: health },
    { title: 'Since when?', panels: course },
  ],
})
