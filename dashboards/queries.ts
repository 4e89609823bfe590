/** What one line of a panel shows; `{{label}}` in a legend is the label's value. */
export type Query = { expr: string; legend: string }

/** At least four scrapes, by the data source's interval, and no less than what a pixel spans. */
const WINDOW = '[$__rate_interval]'

const by = (labels: string[]): string => (labels.length === 0 ? '' : ` by (${labels.join(', ')}) `)

/** Of counters: so many a second, over all processes. */
export const perSecond = (series: string, ...labels: string[]): string => `sum${by(labels)}(rate(${series}${WINDOW}))`

/** Of a histogram, over all processes; `matchers` as `stage="venue_to_commit"`. */
export const quantile = (share: number, histogram: string, matchers = '', ...labels: string[]): string =>
  `histogram_quantile(${share}, ${perSecond(`${histogram}_bucket{${matchers}}`, 'le', ...labels)})`

export const total = (gauge: string, ...labels: string[]): string => `sum${by(labels)}(${gauge})`
export const highest = (gauge: string, ...labels: string[]): string => `max${by(labels)}(${gauge})`
export const lowest = (gauge: string, ...labels: string[]): string => `min${by(labels)}(${gauge})`

/** A line for each value of a label. */
export const each = (label: string, expr: string): Query => ({ expr, legend: `{{${label}}}` })

/** Median and tail of a histogram, as two lines. */
export const middleAndTail = (histogram: string, matchers = '', name = ''): Query[] => [
  { expr: quantile(0.5, histogram, matchers), legend: `${name} p50`.trim() },
  { expr: quantile(0.99, histogram, matchers), legend: `${name} p99`.trim() },
]

/** Of one stage of the way from the venue to the commit. */
export const latency = (stage: string): Query[] =>
  middleAndTail('polytape_latency_seconds', `stage="${stage}"`, stage.replaceAll('_', ' '))

/** Copies of what is applied already are no loss, and what a budget sheds is told by its tier. */
const LOST = 'polytape_drops_total{reason!~"replayed|older_connection|shed|unasked|early"}'

/** What is not used, as a share of what came; below one frame a second the share would mean nothing. */
export const DROP_SHARE = `${perSecond(LOST)} / clamp_min(${perSecond('polytape_frames_total')}, 1)`
