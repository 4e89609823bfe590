/** What has a window of its own: how long nothing may come of it. */
export const FEED_KINDS = ['market_channel', 'normalizer', 'catalog', 'liveness', 'redis', 'trades'] as const
export type FeedKind = (typeof FEED_KINDS)[number]

/**
 * `no_report`: whoever should report does not. `not_connected`: no socket. `silent`: nothing at all came on a connection
 * though REST moved on. `stalled`: nothing came of some of its markets. `not_applied`: it came, and was not applied.
 */
export type TroubleReason =
  | 'no_report'
  | 'not_connected'
  | 'silent'
  | 'stalled'
  | 'not_applied'
  | 'not_reading'
  | 'not_committing'
  | 'lagging'
  | 'no_answer'

/** What should come and does not. Who is quiet because nothing happened has no trouble. */
export type Trouble = {
  reason: TroubleReason
  forMs: number
  detail: string
  /** Market -> for how long (ms) its book is not what the venue says. */
  markets: ReadonlyMap<string, number>
}

/** What one subject says of itself once a second. `epoch`: of a connection; empty for the others. */
export type Heartbeat = { trouble: Trouble | undefined; epoch: string; figures: Record<string, number> }

/** Takes what is to be reported once a second, until the returned function is called. */
export type Reporter = { follow(read: () => [string, Heartbeat][]): () => void }

/** A subject's name is the field under which it reports. */
export const feedSubject = (feed: string): string => `feed:${feed}`
export const connectionSubject = (feed: string, place: number): string => `connection:${feed}:${place}`
export const livenessSubject = (feed: string): string => `liveness:${feed}`
export const appliedSubject = (feed: string): string => `applied:${feed}`
export const normalizerSubject = (shard: number): string => `normalizer:${shard}`
export const CATALOG_SUBJECT = 'catalog:refreshCatalog'
export const REDIS_SUBJECT = 'redis:heartbeats'
export const TRADES_SUBJECT = 'trades:0'

const KINDS: ReadonlyMap<string, FeedKind> = new Map([
  ['feed', 'market_channel'],
  ['connection', 'market_channel'],
  ['liveness', 'liveness'],
  ['applied', 'normalizer'],
  ['normalizer', 'normalizer'],
  ['catalog', 'catalog'],
  ['redis', 'redis'],
  ['trades', 'trades'],
])

const REASONS: ReadonlySet<string> = new Set<TroubleReason>([
  'no_report',
  'not_connected',
  'silent',
  'stalled',
  'not_applied',
  'not_reading',
  'not_committing',
  'lagging',
  'no_answer',
])

/** Undefined for a name that is none of ours. */
export const kindOf = (subject: string): FeedKind | undefined => KINDS.get(subject.split(':', 1)[0] ?? '')

/** `<group>:<replica>` of the feed that reports for the subject; undefined where it reports for itself. */
export const feedOf = (subject: string): string | undefined => {
  const [type = '', group = '', replica = ''] = subject.split(':')
  return type === 'connection' || type === 'liveness' || type === 'applied' ? `${group}:${replica}` : undefined
}

export const heartbeatText = ({ trouble, epoch, figures }: Heartbeat): string => {
  if (trouble === undefined) return JSON.stringify({ ...figures, epoch })
  return JSON.stringify({ ...figures, epoch, ...trouble, markets: Object.fromEntries(trouble.markets) })
}

const isReason = (value: unknown): value is TroubleReason => typeof value === 'string' && REASONS.has(value)

const toObject = (text: string): object => {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null ? found : {}
  } catch {
    return {}
  }
}

const toMarkets = (found: object): Map<string, number> => {
  const markets: unknown = 'markets' in found ? found.markets : undefined
  if (typeof markets !== 'object' || markets === null) return new Map()
  return new Map(Object.entries(markets).flatMap(([id, ms]) => (typeof ms === 'number' ? [[id, ms]] : [])))
}

const toTrouble = (found: object): Trouble | undefined => {
  if (!('reason' in found && 'forMs' in found && isReason(found.reason) && typeof found.forMs === 'number')) {
    return undefined
  }
  const detail = 'detail' in found && typeof found.detail === 'string' ? found.detail : ''
  return { reason: found.reason, forMs: found.forMs, detail, markets: toMarkets(found) }
}

/** Reads what a process wrote; what is none says nothing but that somebody wrote. Figures are for people, not read back. */
export const parseHeartbeat = (text: string): Pick<Heartbeat, 'trouble' | 'epoch'> => {
  const found = toObject(text)
  const epoch = 'epoch' in found && typeof found.epoch === 'string' ? found.epoch : ''
  return { trouble: toTrouble(found), epoch }
}
