import type { MetricRow } from './row.ts'

/** What comes from the venue, and what becomes of it until it is in Redis. */
export const FEED_ROWS: readonly MetricRow[] = [
  {
    name: 'polytape_frames_total',
    type: 'counter',
    help: 'Frames taken from the venue, by feed: elements of websocket messages, books of REST answers, fills and activities of the Data API.',
    label: 'feed',
    roles: ['feed'],
    source: {
      from: 'figures',
      figures: {
        market_channel: 'frames',
        rest_books: 'restBooks',
        trades: 'dataTrades',
        activities: 'dataActivities',
      },
    },
  },
  {
    name: 'polytape_reconnects_total',
    type: 'counter',
    help: 'Sockets that ended and were opened anew.',
    label: '',
    roles: ['feed'],
    source: { from: 'figure', figure: 'reconnects' },
  },
  {
    name: 'polytape_connections',
    type: 'gauge',
    help: 'Websockets to the venue that are open.',
    label: '',
    roles: ['feed'],
    source: { from: 'figure', figure: 'connectionsOpen' },
  },
  {
    name: 'polytape_tokens_subscribed',
    type: 'gauge',
    help: 'Tokens whose subscription was sent and is not withdrawn.',
    label: '',
    roles: ['feed'],
    source: { from: 'figure', figure: 'tokensSubscribed' },
  },
  {
    name: 'polytape_feed_age_seconds',
    type: 'gauge',
    help: 'Time since a data frame came on any socket of a group of markets; of the opening before the first. At most 100 groups are named, the longest silent ones.',
    label: 'group',
    roles: ['feed'],
    source: { from: 'family', family: 'feedAgeMs', values: [], per: 1_000 },
  },
  {
    name: 'polytape_clock_skew_seconds',
    type: 'gauge',
    help: "Estimate of the venue's clock less this host's. Too low by what the venue needs to send a frame, off by at most half a round trip of a PING; absent in a replay and for the first half minute.",
    label: '',
    roles: ['feed'],
    source: { from: 'figure', figure: 'clockSkewMs', per: 1_000 },
  },
]
