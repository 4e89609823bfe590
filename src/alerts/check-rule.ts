import { fromMillionths, toMillionths } from '../domain/decimal.ts'
import { CONDITIONS } from './index.ts'
import { PRICES, type Condition, type RuleRow, type Terms, type Watch } from './rule.ts'

export type Checked = { type: 'valid'; watch: Watch; hysteresis: number } | { type: 'invalid'; reason: string }

const SHORTEST_WINDOW_MS = 1_000
const LONGEST_WINDOW_MS = 86_400_000
const LONGEST_COOLDOWN_MS = 30 * 86_400_000
const LONGEST_URL = 2_000
/** A reason quotes what the user wrote. */
const LONGEST_QUOTE = 60

const quoted = (text: string): string => (text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)
const isWithin = (value: number | undefined, { least, most }: { least: number; most: number }): boolean =>
  value !== undefined && value >= least && value <= most

/** Only what can be asked for over HTTP, and without credentials, which fetch refuses. */
const whyNotUrl = (url: string): string | undefined => {
  if (url.length > LONGEST_URL) return `webhook_url: expected at most ${LONGEST_URL} characters, got ${url.length}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:\/\/[^\s/\\]+/i.test(url)) return 'webhook_url: expected an http or https URL'
  return parsed.username + parsed.password === '' ? undefined : 'webhook_url: expected no user and password in it'
}

const whyNotThreshold = ({ threshold, condition }: RuleRow, known: Condition): string | undefined => {
  if (known.threshold === undefined) return threshold === null ? undefined : `${condition} takes no threshold`
  if (threshold === null) return `${condition} needs a threshold`
  const { least, most } = known.threshold
  if (isWithin(toMillionths(threshold), known.threshold)) return undefined
  return `threshold: expected ${fromMillionths(least)} to ${fromMillionths(most)}, got ${threshold}`
}

const whyNotExtras = ({ windowMs, side, within, condition }: RuleRow, { takes }: Condition): string | undefined => {
  const given = { window: windowMs, side, within }
  for (const name of ['window', 'side', 'within'] as const) {
    if (given[name] !== null && !takes.includes(name)) return `${condition} takes no ${name}`
  }
  const windows = { least: SHORTEST_WINDOW_MS, most: LONGEST_WINDOW_MS }
  if (takes.includes('window') && !isWithin(windowMs ?? undefined, windows)) {
    return `window: expected 1 second to 24 hours, got ${windowMs === null ? 'none' : `${windowMs} ms`}`
  }
  if (side !== null && side !== 'bid' && side !== 'ask') return `side: expected bid, ask or null, got ${quoted(side)}`
  return within === null || isWithin(toMillionths(within), PRICES)
    ? undefined
    : `within: expected 0 to 1, got ${within}`
}

const whyNotCommon = ({ status, cooldownMs, hysteresis, webhookUrl }: RuleRow): string | undefined => {
  if (status !== 'active' && status !== 'paused') return `status: expected active or paused, got ${quoted(status)}`
  if (!isWithin(cooldownMs, { least: 0, most: LONGEST_COOLDOWN_MS })) return 'cooldown: expected 0 to 30 days'
  if (toMillionths(hysteresis) === undefined) return `hysteresis: expected 0 or more, got ${hysteresis}`
  return webhookUrl === null ? undefined : whyNotUrl(webhookUrl)
}

const toTerms = ({ threshold, windowMs, side, within }: RuleRow): Terms => ({
  threshold: toMillionths(threshold ?? '0') ?? 0,
  windowMs: windowMs ?? 0,
  side: side === 'bid' || side === 'ask' ? side : undefined,
  within: within === null ? undefined : toMillionths(within),
})

/** What a rule watches, or what is wrong with it. Whether its market is there is for others to say. */
export const checkRule = (row: RuleRow): Checked => {
  const known = CONDITIONS.get(row.condition)
  if (known === undefined) {
    const names = [...CONDITIONS.keys()].join(', ')
    return { type: 'invalid', reason: `condition: expected one of ${names}, got ${quoted(row.condition)}` }
  }
  const reason = whyNotCommon(row) ?? whyNotThreshold(row, known) ?? whyNotExtras(row, known)
  if (reason !== undefined) return { type: 'invalid', reason }
  return { type: 'valid', watch: known.toWatch(toTerms(row)), hysteresis: toMillionths(row.hysteresis) ?? 0 }
}
