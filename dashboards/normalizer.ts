import { BytesIEC, EventsPerSecond, PercentUnit, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import { createDashboard } from './dashboard.ts'
import { lines } from './panels.ts'
import { each, highest, latency, lowest, perSecond, total } from './queries.ts'

const pace = [
  lines({
    title: 'Frames applied by type',
    about: "By the venue's types of events.",
    unit: EventsPerSecond,
    queries: [each('type', perSecond('polytape_frames_applied_total', 'type'))],
  }),
  lines({
    title: 'Stream lag in entries',
    about: 'Entries of the streams that are not applied, by shard.',
    unit: Short,
    queries: [each('shard', highest('polytape_stream_lag_entries', 'shard'))],
  }),
  lines({
    title: 'Stream lag in seconds',
    about:
      'How long the oldest of them waits. Beyond VERIFY_SHED_LAG_MS checks are shed until the shard has caught up.',
    unit: Seconds,
    queries: [each('shard', highest('polytape_stream_lag_seconds', 'shard'))],
  }),
  lines({
    title: 'Latency: stream → applied',
    about: 'From the entry in Redis until the book in memory has it.',
    unit: Seconds,
    queries: latency('stream_to_applied'),
  }),
  lines({
    title: 'Latency: applied → cache, applied → commit',
    about: 'The cache does not wait for the commit.',
    unit: Seconds,
    queries: [...latency('applied_to_cache'), ...latency('applied_to_commit')],
  }),
  lines({
    title: 'Latency: whole way',
    about: "From the venue's own time.",
    unit: Seconds,
    queries: [...latency('venue_to_cache'), ...latency('venue_to_commit')],
  }),
]

const proof = [
  lines({
    title: 'Batches by proof',
    about:
      'verified: the hash of the book is that of the venue. unverifiable: nothing to compare with. mismatch: a gap was opened.',
    unit: EventsPerSecond,
    queries: [each('result', perSecond('polytape_batches_total', 'result'))],
  }),
  lines({
    title: 'Verified share',
    about: 'Books proved, of those followed; of the shard with the fewest.',
    unit: PercentUnit,
    queries: [{ expr: lowest('polytape_verified_share'), legend: 'least' }],
  }),
  lines({
    title: 'Checks shed',
    about: 'Batches a second that were not compared, since the shard was behind.',
    unit: EventsPerSecond,
    queries: [{ expr: perSecond('polytape_checks_shed_total'), legend: 'shed' }],
  }),
  lines({
    title: 'Gaps opened by reason',
    about: 'A minute. feed_gaps has each with its detail.',
    unit: Short,
    queries: [{ expr: `60 * ${perSecond('polytape_gaps_total', 'reason')}`, legend: '{{reason}}' }],
  }),
  lines({
    title: 'Not used, by reason',
    about: 'Frames and rows a second.',
    unit: EventsPerSecond,
    queries: [each('reason', perSecond('polytape_drops_total', 'reason'))],
  }),
  lines({
    title: 'Dead letters by reason',
    about: 'A minute. dead_letters has the raw text of each.',
    unit: Short,
    queries: [{ expr: `60 * ${perSecond('polytape_dead_letters_total', 'reason')}`, legend: '{{reason}}' }],
  }),
  lines({
    title: 'Dedup',
    about: 'Copies that were recognised a second, and suspicions of the filters that were not confirmed.',
    unit: EventsPerSecond,
    queries: [
      each('kind', perSecond('polytape_dedup_hits_total', 'kind')),
      { expr: perSecond('polytape_dedup_false_positives_total'), legend: 'false positives' },
    ],
  }),
  lines({
    title: 'Alert rules of users fired',
    about: 'A minute, by condition.',
    unit: Short,
    queries: [{ expr: `60 * ${perSecond('polytape_alerts_fired_total', 'condition')}`, legend: '{{condition}}' }],
  }),
  lines({
    title: 'Markets by state',
    about: 'Of those whose books the normalizer holds, as it has them.',
    unit: Short,
    queries: [each('state', total('polytape_markets', 'state'))],
  }),
]

const NORMALIZERS = '{job="normalizer"}'

const machine = [
  lines({
    title: 'CPU a process',
    about: 'Cores. A process is one thread, whatever its shards: near 1 it is the limit, and more of both help.',
    unit: PercentUnit,
    queries: [each('instance', perSecond(`process_cpu_seconds_total${NORMALIZERS}`, 'instance'))],
  }),
  lines({
    title: 'Event loop',
    about: 'By how much timers are late: what one long step makes all others wait.',
    unit: Seconds,
    queries: [each('instance', highest(`polytape_event_loop_lag_seconds${NORMALIZERS}`, 'instance'))],
  }),
  lines({
    title: 'Memory a process',
    about: 'Resident, and the heap in use.',
    unit: BytesIEC,
    queries: [
      { expr: total(`process_resident_memory_bytes${NORMALIZERS}`, 'instance'), legend: '{{instance}} resident' },
      { expr: total(`nodejs_heap_size_used_bytes${NORMALIZERS}`, 'instance'), legend: '{{instance}} heap' },
    ],
  }),
]

export const NORMALIZER = createDashboard({
  uid: 'polytape-normalizer',
  title: 'normalizer',
  about: 'From the streams to books that are proved, the hot cache and the commit.',
  sections: [
    { title: 'Does it keep pace?', panels: pace },
    { title: 'Is it right?', panels: proof },
    { title: 'Has it room?', panels: machine },
  ],
})
