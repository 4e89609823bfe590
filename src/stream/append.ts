import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { appendedKey, marketOfStream, readyKey } from '../domain/keys.ts'
import { shardOf } from '../domain/market.ts'
import { createRedisScript } from '../lib/redis-script.ts'
import { APPEND_SCRIPT, WIDE_FIELD } from './append-script.ts'
import { encodeEntry, type NewEntry, type SigningKeys } from './entry.ts'

/** `behind`: Redis knows less than it had acknowledged; nothing was added. `refused`: entries it will never take, with its reason. */
type Appended = { type: 'appended'; added: number; refused: string[] } | { type: 'behind' }

export type Appender = {
  /**
   * Appends entries of ONE epoch with one script call; entries that are already there are left out, so a call may be
   * repeated after a timeout. `acknowledged`: stream -> ordinal that an earlier call reported as appended.
   *
   * @throws the client's errors (connection, timeout, OOM): repeat with the same entries.
   */
  append(entries: NewEntry[], acknowledged?: ReadonlyMap<string, number>): Promise<Appended>
  /** Stream -> last ordinal that Redis has of the epoch. */
  readAppended(epoch: string): Promise<Map<string, number>>
  /** Keeps the epoch's note alive while its connection is, also when it is silent. */
  refresh(epoch: string): Promise<void>
}

export type AppenderDeps = { redis: Redis; signing: SigningKeys; shardCount: number }

const appendScript = createRedisScript(APPEND_SCRIPT)
const APPENDED_LIFE_SECONDS = 3_600
const NOTHING: ReadonlyMap<string, number> = new Map()

let newestEpochMs = 0

/** Unique name of a connection; later ones of this process sort later, also when the clock was set back. */
export const createEpoch = (nowMs = Date.now()): string => {
  newestEpochMs = Math.max(nowMs, newestEpochMs + 1)
  return `${String(newestEpochMs).padStart(13, '0')}-${randomBytes(4).toString('hex')}`
}

/** Catalogue, trades and unroutable frames all go to shard 0. */
export const shardOfStream = (stream: string, shardCount: number): number => {
  const marketId = marketOfStream(stream)
  return marketId === undefined ? 0 : shardOf(marketId, shardCount)
}

const toResult = (reply: unknown): Appended => {
  if (!Array.isArray(reply)) throw new Error(`the append script expected to return an array, came ${typeof reply}`)
  const [added, ...refused] = reply.map(String)
  return added === '-1' ? { type: 'behind' } : { type: 'appended', added: Number(added), refused }
}

export const createAppender = ({ redis, signing, shardCount }: AppenderDeps): Appender => {
  const readyKeys = Array.from({ length: shardCount }, (_, shard) => readyKey(shard))
  const append: Appender['append'] = async (entries, acknowledged = NOTHING) => {
    const epoch = entries[0]?.epoch
    if (epoch === undefined) return { type: 'appended', added: 0, refused: [] }
    const indexes = new Map<string, number>()
    const parts: string[] = []
    for (const entry of entries) {
      if (entry.epoch !== epoch) throw new Error(`one append takes one epoch: expected ${epoch}, came ${entry.epoch}`)
      const index = indexes.get(entry.stream) ?? indexes.size + 1
      indexes.set(entry.stream, index)
      const fields = encodeEntry(entry, signing)
      const lastOrdinal = String(entry.firstOrdinal + entry.frames.length - 1)
      parts.push(String(index), fields[3], lastOrdinal, fields[5], fields[7], fields[11])
    }
    const streams = [...indexes.keys()]
    const keys = [appendedKey(epoch), ...readyKeys, ...streams]
    const expected = streams.map((stream) => String(acknowledged.get(stream) ?? 0))
    const shards = streams.map((stream) => String(2 + shardOfStream(stream, shardCount)))
    const head = [epoch, String(Date.now()), String(APPENDED_LIFE_SECONDS), signing.current, String(streams.length)]
    return toResult(await appendScript(redis, keys, [...head, ...expected, ...shards, ...parts]))
  }
  return {
    append,
    readAppended: async (epoch) => {
      const found = await redis.hgetall(appendedKey(epoch))
      const streams = Object.entries(found).filter(([stream]) => stream !== WIDE_FIELD)
      return new Map(streams.map(([stream, ordinal]) => [stream, Number(ordinal)]))
    },
    refresh: async (epoch) => {
      await redis.expire(appendedKey(epoch), APPENDED_LIFE_SECONDS)
    },
  }
}
