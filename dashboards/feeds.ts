import { BytesIEC, BytesPerSecondIEC, EventsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import { createDashboard } from './dashboard.ts'
import { lines } from './panels.ts'
import { each, highest, latency, perSecond, total } from './queries.ts'

const arrivals = [
  lines({
    title: 'Frames by feed',
    about: 'What the feed role receives, and from where.',
    unit: EventsPerSecond,
    queries: [each('feed', perSecond('polytape_frames_total', 'feed'))],
  }),
  lines({
    title: 'Feed age by group',
    about: 'Since the last data of each group of markets. The watchdog looks at data, not at PONGs.',
    unit: Seconds,
    queries: [each('group', highest('polytape_feed_age_seconds', 'group'))],
  }),
  lines({
    title: 'Connections',
    about: 'Websockets that are open.',
    unit: Short,
    queries: [{ expr: total('polytape_connections'), legend: 'open' }],
  }),
  lines({
    title: 'Tokens subscribed',
    about: 'Two a market.',
    unit: Short,
    queries: [{ expr: total('polytape_tokens_subscribed'), legend: 'tokens' }],
  }),
  lines({
    title: 'Reconnects and resyncs',
    about: 'A minute. A reconnect opens a gap that its snapshot ends; a resync fetches a book by REST.',
    unit: Short,
    queries: [
      { expr: `60 * ${perSecond('polytape_reconnects_total')}`, legend: 'reconnects' },
      { expr: `60 * ${perSecond('polytape_resyncs_total')}`, legend: 'resyncs' },
    ],
  }),
  lines({
    title: 'Clock skew to the venue',
    about: 'The time of the venue less that of this host, estimated: latencies from the source are wrong by it.',
    unit: Seconds,
    queries: [each('instance', highest('polytape_clock_skew_seconds', 'instance'))],
    min: 'auto',
  }),
]

const watched = [
  lines({
    title: 'Heartbeats missed',
    about: 'Alerts of feed_alerts that stand, by kind: what should come and does not.',
    unit: Short,
    queries: [each('kind', highest('polytape_feed_alerts_open', 'kind'))],
    span: 24,
  }),
]

const onward = [
  lines({
    title: 'Latency: venue → receive',
    about: "The venue's own time against this host's clock: the network and the skew.",
    unit: Seconds,
    queries: latency('venue_to_receive'),
  }),
  lines({
    title: 'Latency: receive → stream',
    about: 'Until Redis has acknowledged the entry: the linger of a flush, then the call.',
    unit: Seconds,
    queries: latency('receive_to_stream'),
  }),
  lines({
    title: 'Waiting for Redis',
    about: 'Bytes in the queues of the feed. Beyond FEED_BUFFER_BYTES frames are given up, and a gap says so.',
    unit: BytesIEC,
    queries: [each('queue', total('polytape_queue_bytes', 'queue'))],
  }),
  lines({
    title: 'Redis calls a frame',
    about: 'Commands that each role sends, those of a pipeline each, and with those inside scripts, a received frame.',
    unit: Short,
    queries: [
      {
        expr: `${perSecond('polytape_redis_calls_total', 'job')} / scalar(clamp_min(${perSecond('polytape_frames_total')}, 1))`,
        legend: '{{job}} commands',
      },
      {
        expr: `${perSecond('polytape_redis_commands_total', 'job')} / scalar(clamp_min(${perSecond('polytape_frames_total')}, 1))`,
        legend: '{{job}} with inner commands',
      },
    ],
  }),
  lines({
    title: 'Bytes to and from Redis',
    about: 'By role and direction.',
    unit: BytesPerSecondIEC,
    queries: [{ expr: perSecond('polytape_redis_bytes_total', 'job', 'direction'), legend: '{{job}} {{direction}}' }],
  }),
]

export const FEEDS = createDashboard({
  uid: 'polytape-feeds',
  title: 'feeds',
  about: 'From the venue into the streams of Redis.',
  sections: [
    { title: 'What comes', panels: arrivals },
    { title: 'Who is missed', panels: watched },
    { title: 'Into the streams', panels: onward },
  ],
})
