import type { MarketState } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import type { MarketStatus } from './market-contract.ts'

/** In words, what the last report says of the books. */
export const bookTextOf = (observed: Observation | undefined): string => {
  if (observed === undefined) return 'nothing reported yet'
  const { state, book } = observed
  const gaps = book === undefined || book.gapsOpen === 0 ? '' : `, gaps open on ${book.gapsOpen} of its outcomes`
  switch (state) {
    case 'live':
      return 'followed and proved: every batch hashes to what the venue says'
    case 'unverified':
      return `not proved${gaps}`
    case 'stale':
      return `behind the venue${gaps}`
    case 'starting':
      return 'none yet: the first one is fetched until it comes'
    case 'paused':
    case 'stopped':
    case 'resolved':
      return `not followed: ${state}`
  }
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** To the second: the table is made when something changes, an age in it would be wrong a moment later. */
const instant = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`

const reportOf = ({ observed, sequence }: MarketStatus, atTimeMs: number | undefined): string =>
  observed === undefined || atTimeMs === undefined
    ? 'none yet'
    : `${observed} since ${instant(atTimeMs)}, sequence ${sequence ?? 0}`

const pricesOf = (book: Observation['book']): string =>
  book === undefined ? 'not reported' : `${book.bidPrice || 'no bid'} / ${book.askPrice || 'no ask'} at that report`

const feedOf = ({ feedGroup, feedEpoch }: MarketStatus): string => {
  if (feedGroup === undefined) return 'none yet'
  const connection = feedEpoch === undefined || feedEpoch === '' ? '' : `, connection \`${cell(feedEpoch)}\``
  return `group ${feedGroup} (\`feed:${feedGroup}:a\`)${connection}`
}

const whyOf = ({ origin, desired, state }: MarketStatus): string => {
  if (state === 'resolved') return 'the venue has settled it'
  if (desired === 'paused') return 'paused by hand: discovery leaves it so'
  if (desired === 'stopped') return 'not any more'
  return origin === 'policy' ? 'chosen by the subscription policy, which may end it' : 'started by an operator'
}

const depthOf = ({ depth, depthApplied }: MarketStatus): string => {
  if (depth === undefined) return 'as by default'
  const levels = depth === 0 ? 'all levels' : `${depth} levels a side`
  return depthApplied ? levels : `${levels}, not applied yet`
}

const alertsOf = ({ alerts }: MarketStatus): string =>
  alerts.length === 0
    ? 'none'
    : alerts.map(({ alertId, reason, sinceTimeMs }) => `${alertId} since ${instant(sinceTimeMs)}: ${reason}`).join('; ')

const endOf = ({ end }: MarketStatus): [string, string][] =>
  end === undefined
    ? []
    : [['payouts', `${end.payouts.map((payout) => payout ?? 'unknown').join(' / ')}, resolved ${end.resolvedAt ?? ''}`]]

const NEXT: Record<MarketState, string[]> = {
  starting: ['update execute --name inspect', 'signal --name pause', 'signal --name stop'],
  live: ['update execute --name inspect', 'signal --name pause', 'signal --name setDepth --input 20'],
  unverified: ['update execute --name inspect', 'signal --name pause', 'signal --name stop'],
  stale: ['update execute --name inspect', 'signal --name pause', 'signal --name stop'],
  paused: ['signal --name resume', 'signal --name stop', 'query --type status'],
  stopped: ['query --type status'],
  resolved: ['query --type status'],
}

const commandsOf = ({ marketId, state }: MarketStatus): string[] =>
  NEXT[state].map((words) => {
    const at = words.indexOf(' --')
    return `temporal workflow ${words.slice(0, at)} --workflow-id market:${marketId}${words.slice(at)}`
  })

/** Markdown for the Temporal UI: how the market stands, and what an operator would type next. */
export const detailsOf = (status: MarketStatus, observed: Observation | undefined): string => {
  const { question, marketId, slug, state, desired, confirmed, book, note } = status
  const rows: [string, string][] = [
    ['state', `**${state}**`],
    ['desired', `${desired}${confirmed ? ', confirmed' : ', not confirmed yet'}`],
    ['book', book],
    ['best bid / ask', pricesOf(observed?.book)],
    ['last change', reportOf(status, observed?.atTimeMs)],
    ['alerts', alertsOf(status)],
    ['feed', feedOf(status)],
    ['depth', depthOf(status)],
    ['recorded', whyOf(status)],
    ...endOf(status),
    ['slug', slug],
    ['note', note === '' ? 'none' : note],
  ]
  const table = rows.map(([name, text]) => `| ${name} | ${cell(text)} |`)
  const title = `**${cell(question === '' ? `market ${marketId}` : question)}**`
  return [title, '', '| | |', '|---|---|', ...table, '', '```', ...commandsOf(status), '```'].join('\n')
}
