import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Frame } from '../domain/frame.ts'
import { CATALOGUE_DIGEST_KEY, MARKETS_STREAM } from '../domain/keys.ts'
import type { Market } from '../domain/market.ts'
import { createEpoch, type Appender } from '../stream/append.ts'
import { toMarket } from '../venue/polymarket/gamma-market.ts'

/** A Gamma object is about 4 KB: entries stay near 100 KB. */
const FRAMES_PER_ENTRY = 25

export type Published = { markets: Market[]; changed: number; rejected: number }

export type CataloguePublisher = {
  /** Appends the objects that differ from what was published before, one frame each, to the stream `markets`. */
  publish(objects: unknown[]): Promise<Published>
}

type PublisherDeps = { redis: Redis; appender: Appender }
type Candidate = { market: Market; text: string; digest: string }

const digestOf = (market: Market): string => createHash('sha1').update(JSON.stringify(market)).digest('base64url')

const candidateOf = (object: unknown): Candidate | undefined => {
  const parsed = toMarket(object)
  if (parsed.type === 'rejected') return undefined
  return { market: parsed.market, text: JSON.stringify(object), digest: digestOf(parsed.market) }
}

const frameOf = (candidate: Candidate): Frame => ({
  kind: 'catalogue',
  receivedTimeMs: Date.now(),
  sourceReceivedTimeMs: undefined,
  text: candidate.text,
})

/**
 * Appends one call after the other, so that ordinals arrive in order. What became of an append that failed is unknown:
 * the next one begins a new epoch, and never reuses an ordinal.
 */
const createAppend = (appender: Appender): ((frames: Frame[]) => Promise<void>) => {
  let epoch = createEpoch()
  let ordinal = 0
  let last: Promise<void> = Promise.resolve()
  const append = async (frames: Frame[]): Promise<void> => {
    try {
      const result = await appender.append([{ stream: MARKETS_STREAM, epoch, firstOrdinal: ordinal + 1, frames }])
      if (result.type === 'behind')
        throw new Error(`stream ${MARKETS_STREAM} has lost entries that it had acknowledged`)
      if (result.refused.length > 0) throw new Error(`stream ${MARKETS_STREAM} refused: ${result.refused.join('; ')}`)
      ordinal += frames.length
    } catch (error) {
      epoch = createEpoch()
      ordinal = 0
      throw error
    }
  }
  return (frames) => {
    const mine = last.then(() => append(frames))
    last = mine.catch(() => undefined)
    return mine
  }
}

/** The digest is written after the append: a crash between the two publishes again, which changes nothing. */
export const createCataloguePublisher = ({ redis, appender }: PublisherDeps): CataloguePublisher => {
  const append = createAppend(appender)
  const changedOf = async (candidates: Candidate[]): Promise<Candidate[]> => {
    if (candidates.length === 0) return []
    const known = await redis.hmget(CATALOGUE_DIGEST_KEY, ...candidates.map((candidate) => candidate.market.marketId))
    return candidates.filter((candidate, index) => known[index] !== candidate.digest)
  }
  return {
    publish: async (objects) => {
      const candidates = objects.map(candidateOf).filter((candidate) => candidate !== undefined)
      const changed = await changedOf(candidates)
      for (let at = 0; at < changed.length; at += FRAMES_PER_ENTRY) {
        const part = changed.slice(at, at + FRAMES_PER_ENTRY)
        await append(part.map(frameOf))
        await redis.hset(
          CATALOGUE_DIGEST_KEY,
          ...part.flatMap((candidate) => [candidate.market.marketId, candidate.digest]),
        )
      }
      const markets = candidates.map((candidate) => candidate.market)
      return { markets, changed: changed.length, rejected: objects.length - candidates.length }
    },
  }
}
