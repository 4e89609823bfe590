import type { Redis } from 'ioredis'
import type pg from 'pg'
import { confirmedKey, FEED_GROUPS_KEY, orderbookStream, quoteKey, statsKey } from '../domain/keys.ts'
import { MARKET_STATES, shardOf, type MarketState } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import { within } from '../lib/every.ts'
import { readOwnerHost } from '../store/fence.ts'
import { readGapsToday, type GapsToday } from '../store/gaps-today.ts'
import { readOffset, type StoredOffset } from '../store/offsets.ts'
import { countEntriesAfter } from '../stream/waiting.ts'

/** A part that did not answer in time says so; the others are told all the same. */
export type Part<T> = T | { unavailable: string }

export type Confirmed = { state: string; generation: number; confirmedTimeMs: number }
/** `verifiedSequence`: newest one at which the book hashed to what the venue says, null before the first. */
type OutcomeFigures = { outcomeId: string; status: string; sequence: number; verifiedSequence: number | null }
/** `receivedAt` is null before the first frame; `waitingEntries` are not committed yet, counted up to 1,000. */
export type StreamFigures = {
  receivedAt: string | null
  ageMs: number | null
  feedEpoch: string
  outcomes: OutcomeFigures[]
  waitingEntries: number
}
/** From the venue's time stamp to the hot cache: of the market's last change, and of its shard in the last 10 to 20 s. */
export type LatencyFigures = {
  lastChangeMs: number | null
  shard: number
  shardP50Ms: number | null
  shardP99Ms: number | null
}

/** Live figures of one market. The quote is the hash of the hot cache as it stands. */
export type MarketFigures = {
  quote: Part<Record<string, string>>
  subscription: Part<Confirmed | { state: 'unconfirmed' }>
  stream: Part<StreamFigures>
  gapsToday: Part<GapsToday>
  latency: Part<LatencyFigures>
}

/** An operator waits, and the activity is ended after 4 s. */
const PART_TIMEOUT_MS = 2_500
const MOST_WAITING = 1_000

const STATES: ReadonlySet<string> = new Set(MARKET_STATES)
const isState = (text: string | undefined): text is MarketState => text !== undefined && STATES.has(text)

/** A field of the hash `confirmed:<group>`. */
export const confirmationOf = (text: string | null): Confirmed | undefined => {
  if (text === null) return undefined
  const found: unknown = JSON.parse(text)
  if (typeof found !== 'object' || found === null) return undefined
  if (!('generation' in found) || !('state' in found) || !('confirmedTimeMs' in found)) return undefined
  const { state, generation, confirmedTimeMs } = found
  return { state: String(state), generation: Number(generation), confirmedTimeMs: Number(confirmedTimeMs) }
}

/** What the hot cache says of a market that a workflow sees for the first time: its normalizer may have nothing new to tell. */
export const observationOf = (marketId: string, quote: Record<string, string>): Observation | undefined => {
  const { state, depth, sequence, updated_at: updatedAt } = quote
  if (!isState(state)) return undefined
  const parsedMs = Number(updatedAt) || Date.parse(updatedAt ?? '')
  const atTimeMs = Number.isNaN(parsedMs) ? Date.now() : parsedMs
  return { marketId, state, depth: Number(depth ?? 0), sequence: Number(sequence ?? 0), atTimeMs, feedEpoch: '' }
}

const part = async <T>(name: string, work: Promise<T>): Promise<Part<T>> => {
  try {
    return await within(work, PART_TIMEOUT_MS, `no answer within ${PART_TIMEOUT_MS} ms`)
  } catch (error) {
    return { unavailable: `${name}: ${error instanceof Error ? error.message : String(error)}` }
  }
}

const toStreamFigures = (marketId: string, offset: StoredOffset | undefined, waitingEntries: number): StreamFigures => {
  const { receivedTimeMs = 0, epoch = '', outcomes = [] } = offset?.progress ?? {}
  return {
    receivedAt: receivedTimeMs === 0 ? null : new Date(receivedTimeMs).toISOString(),
    ageMs: receivedTimeMs === 0 ? null : Math.max(0, Date.now() - receivedTimeMs),
    feedEpoch: epoch,
    outcomes: outcomes.map(({ status, sequence, verifiedSequence }, index) => ({
      outcomeId: `${marketId}:${index}`,
      status,
      sequence,
      verifiedSequence: verifiedSequence ?? null,
    })),
    waitingEntries,
  }
}

/** `hostname:pid` of a shard's owner, as its figures are named. */
const instanceOf = (host: string): string => host.split(',')[0] ?? ''

const figureOf = (text: string | null, name: string): number | null => {
  const figures: unknown = text === null ? undefined : JSON.parse(text)
  if (typeof figures !== 'object' || figures === null) return null
  const value: unknown = Object.entries(figures).find(([key]) => key === name)?.[1]
  return typeof value === 'number' ? value : null
}

const lastChangeMs = ({ source_ts: from, updated_at: until }: Record<string, string>): number | null => {
  const latencyMs = Number(until) - Number(from)
  return from === undefined || from === '' || Number.isNaN(latencyMs) ? null : Math.max(0, latencyMs)
}

export type InspectionDeps = { redis: Redis; pool: pg.Pool; shardCount: number }
export type InspectionActivities = ReturnType<typeof createInspectionActivities>

export const createInspectionActivities = ({ redis, pool, shardCount }: InspectionDeps) => {
  const readSubscription = async (marketId: string, group: number | undefined): Promise<Confirmed | undefined> => {
    // It may have been moved since its workflow was told.
    const standing = (await redis.hget(FEED_GROUPS_KEY, marketId)) ?? group
    return standing === undefined
      ? undefined
      : confirmationOf(await redis.hget(confirmedKey(Number(standing)), marketId))
  }
  const readStream = async (marketId: string): Promise<StreamFigures> => {
    const stream = orderbookStream(marketId)
    const offset = await readOffset(pool, stream)
    const waiting = await countEntriesAfter(redis, stream, offset?.lastId ?? '0-0', MOST_WAITING)
    return toStreamFigures(marketId, offset, waiting)
  }
  const readLatency = async (marketId: string): Promise<LatencyFigures> => {
    const shard = shardOf(marketId, shardCount)
    const [quote, host] = await Promise.all([redis.hgetall(quoteKey(marketId)), readOwnerHost(pool, shard)])
    const text = host === undefined ? null : await redis.get(statsKey('normalizer', instanceOf(host)))
    return {
      lastChangeMs: lastChangeMs(quote),
      shard,
      shardP50Ms: figureOf(text, 'cacheP50Ms'),
      shardP99Ms: figureOf(text, 'cacheP99Ms'),
    }
  }
  return {
    /** Live figures, for the update `inspect`. Answers within 3 s whatever does not. */
    inspectMarket: async (asked: { marketId: string; group: number | undefined }): Promise<MarketFigures> => {
      const { marketId, group } = asked
      const [quote, subscription, stream, gapsToday, latency] = await Promise.all([
        part('Redis', redis.hgetall(quoteKey(marketId))),
        part('Redis', readSubscription(marketId, group)),
        part('Postgres', readStream(marketId)),
        part('Postgres', readGapsToday(pool, marketId)),
        part('Postgres', readLatency(marketId)),
      ])
      return { quote, subscription: subscription ?? { state: 'unconfirmed' }, stream, gapsToday, latency }
    },
  }
}
