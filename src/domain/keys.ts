/** Names of Redis keys and channels. Those in the README are an interface: keep them exactly. */
export const MARKETS_STREAM = 'markets'
/** Fills and other activity as the Data API tells them. */
export const TRADES_STREAM = 'trades'
/** Frames that belong to no known market; the normalizer moves them to `dead_letters`. */
export const UNROUTABLE_STREAM = 'unroutable'
export const orderbookStream = (marketId: string): string => `orderbook:${marketId}`
/** Market of an `orderbook:<marketId>` stream; undefined for any other stream. */
export const marketOfStream = (stream: string): string | undefined =>
  stream.startsWith('orderbook:') ? stream.slice('orderbook:'.length) : undefined

/** Sorted set: streams with entries that the shard has not read; score = time of the append in ms. */
export const readyKey = (shard: number): string => `ready:${shard}`
/** Hash stream -> last ordinal appended, for one connection epoch: makes an append idempotent. */
export const appendedKey = (epoch: string): string => `appended:${epoch}`

/** Hash marketId -> JSON DesiredSubscription, for one feed group. */
export const desiredKey = (group: number): string => `desired:${group}`
/**
 * Hash marketId -> JSON {generation, state, confirmedTimeMs}: what the venue confirmed (a PONG to a PING sent after the
 * frame).
 */
export const confirmedKey = (group: number): string => `confirmed:${group}`
/** Hash marketId -> group. */
export const FEED_GROUPS_KEY = 'feed_groups'
/** String `<state> <generation>`: the operator's switch over all markets, a copy of `operator_switches`. */
export const EVERYTHING_KEY = 'switch:everything'
/** String `<tier> <levels> <generation>`: what is shed of every market, a copy of `cost_shed`. */
export const SHED_KEY = 'switch:shed'
/** Hash group -> JSON FeedReport: its markets are as the switch of that generation wants. */
export const EVERYTHING_CONFIRMED_KEY = 'switch:everything:confirmed'
/** Hash marketId -> group to which it is on its way. */
export const FEED_MOVES_KEY = 'feed_moves'
/** Channel; message = group number: its desired hash changed; `*`: a switch over all markets did. */
export const DESIRED_CHANNEL = 'desired'
/** Channel; message = `<marketId> <generation>`. */
export const CONFIRMED_CHANNEL = 'confirmed'
/** Channel; message = marketId: fetch REST books of its tokens and append them to its stream. */
export const RESYNC_CHANNEL = 'resync'
/** Channel; message = marketId or `*`: its desired state is unknown, the workflow writes it again. */
export const REASSERT_CHANNEL = 'reassert'

/** Hash marketId -> the last news that its workflow has heard (see `newsOf`): without one it is told anew. */
export const NEWS_KEY = 'observed:news'

/** String, ms: until when the poller has read all that the Data API showed. Without it, it begins with the last minutes. */
export const TRADES_POLLED_KEY = 'trades:polled'

/** Channel; message = marketId: the venue announced or resolved it. */
export const CATALOG_CHANGES_CHANNEL = 'catalog_changes'

/** Channel; message = JSON of a fill that was committed: new, or confirmed now. */
export const FILLS_CHANNEL = 'fills'

/** Channel; message = `alertText` of a crossing, after its commit. */
export const ALERTS_CHANNEL = 'alerts'

/** Hash marketId -> digest of what the catalogue last published of it; without one it is published again. */
export const CATALOGUE_DIGEST_KEY = 'catalog:digest'

export const quoteKey = (marketId: string): string => `quote:${marketId}`
export const ladderKey = (outcomeId: string, side: 'bid' | 'ask'): string => `ladder:${outcomeId}:${side}`

/** String, JSON of a role's figures, expires after 10 s. `instance` = `<hostname>:<pid>`. */
export const statsKey = (role: string, instance: string): string => `stats:${role}:${instance}`

/** Hash `<role>:<hostname>:<pid>` -> JSON Meter: what a process has used since it began, four times a minute. */
export const COST_USAGE_KEY = 'cost:usage'

/** Hash subject -> `<Redis's ms> <JSON>`: what each feed, connection, shard and poller says of itself once a second. */
export const HEARTBEATS_KEY = 'heartbeats'
/** String, Redis's ms: since when heartbeats are compared without a pause. Expires when they are not. */
export const HEARTBEATS_SINCE_KEY = 'heartbeats:since'
/** Channel; message = `move <epoch>` or `reconnect <epoch>`: to the feed that has the connection. */
export const FEED_COMMANDS_CHANNEL = 'feed_commands'
