import type { Redis } from 'ioredis'
import { confirmedKey, orderbookStream, quoteKey } from '../domain/keys.ts'
import type { MarketState } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'

/** Live figures of one market, as texts of the hot cache. */
export type MarketFigures = {
  quote: Record<string, string>
  subscription: { state: string; generation: number; confirmedTimeMs: number } | undefined
  streamEntries: number
}

const STATES: ReadonlySet<string> = new Set<MarketState>([
  'starting',
  'live',
  'unverified',
  'stale',
  'paused',
  'stopped',
  'resolved',
])
const isState = (text: string | undefined): text is MarketState => text !== undefined && STATES.has(text)

/** A field of the hash `confirmed:<group>`. */
export const confirmationOf = (text: string | null): MarketFigures['subscription'] => {
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

export type InspectionActivities = ReturnType<typeof createInspectionActivities>

export const createInspectionActivities = ({ redis }: { redis: Redis }) => ({
  /** Live figures, for the update `inspect`. */
  inspectMarket: async ({
    marketId,
    group,
  }: {
    marketId: string
    group: number | undefined
  }): Promise<MarketFigures> => {
    const [quote, confirmed, streamEntries] = await Promise.all([
      redis.hgetall(quoteKey(marketId)),
      group === undefined ? null : redis.hget(confirmedKey(group), marketId),
      redis.xlen(orderbookStream(marketId)),
    ])
    return { quote, subscription: confirmationOf(confirmed), streamEntries }
  },
})
