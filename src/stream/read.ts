import type { Redis } from 'ioredis'
import { readyKey } from '../domain/keys.ts'
import { createRedisScript } from '../lib/redis-script.ts'
import { createReadyWait, popReady } from './ready-wait.ts'

/** `[id, [field, value, …]]` as Redis gives it. */
export type RawEntry = [id: string, fields: string[]]
export type StreamRead = { stream: string; entries: RawEntry[]; isMore: boolean }

/** Streams read by one call. */
export const STREAMS_PER_READ = 128

export type ReaderDeps = {
  redis: Redis
  /** A connection of its own: it waits in BZMPOP (Redis 7). */
  blocking: Redis
  shard: number
  /** Called once, where the server does not let a command wait: from then on it is polled. */
  onBlockRefused: (reason: string) => void
}

const readAfter = async (redis: Redis, positions: [string, string][], count: number): Promise<StreamRead[]> => {
  const some = positions.slice(0, STREAMS_PER_READ)
  const streams = some.map(([stream]) => stream)
  const ids = some.map(([, afterId]) => afterId)
  const answer = await redis.xread('COUNT', count, 'STREAMS', ...streams, ...ids)
  return (answer ?? []).map(([stream, entries]) => ({ stream, entries, isMore: entries.length >= count }))
}

const firstId = (entries: unknown): string | undefined => {
  if (!Array.isArray(entries) || !Array.isArray(entries[0])) return undefined
  const id: unknown = entries[0][0]
  return typeof id === 'string' ? id : undefined
}

/** Newest id of each stream that has an entry. */
export const readTails = async (redis: Redis, streams: string[]): Promise<Map<string, string>> => {
  const pipeline = redis.pipeline()
  for (const stream of streams) pipeline.xrevrange(stream, '+', '-', 'COUNT', 1)
  const answers = (await pipeline.exec()) ?? []
  const tails = new Map<string, string>()
  answers.forEach(([error, entries], index) => {
    if (error !== null) throw error
    const stream = streams[index]
    const id = firstId(entries)
    if (stream !== undefined && id !== undefined) tails.set(stream, id)
  })
  return tails
}

const scanStreams = async (redis: Redis, pattern: string): Promise<string[]> => {
  const found = new Set<string>()
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000, 'TYPE', 'stream')
    for (const name of keys) found.add(name)
    cursor = next
  } while (cursor !== '0')
  return [...found]
}

const trimStreams = async (redis: Redis, minimumIds: ReadonlyMap<string, string>): Promise<void> => {
  if (minimumIds.size === 0) return
  const pipeline = redis.pipeline()
  for (const [stream, minimumId] of minimumIds) pipeline.xtrim(stream, 'MINID', minimumId)
  await pipeline.exec()
}

/** KEYS: a stream. ARGV: id of its newest entry, else nothing is done. */
const discard = createRedisScript(`
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if newest and newest[1] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

/** XREAD costs Redis by key and not by entry, so only streams that the append script noted as ready are read. */
export type Reader = {
  /** Takes the names of streams with news, without waiting. */
  popReady(): Promise<string[]>
  /** The same, but waits for the first until the time-out. */
  waitReady(timeoutSeconds: number): Promise<string[]>
  /** Notes streams as ready, for another reader of this shard. */
  giveBack(streams: string[]): Promise<void>
  /** Notes streams as ready for the shards that read them. */
  passOn(streams: [stream: string, shard: number][]): Promise<void>
  /** Entries after the given ids, at most `count` a stream, of the first STREAMS_PER_READ streams. */
  read(positions: [stream: string, afterId: string][], count: number): Promise<StreamRead[]>
  /** Entries after one id up to and with another. */
  between(stream: string, afterId: string, upToId: string): Promise<RawEntry[]>
  /** Id of the newest entry of each stream; absent for a stream that is empty or not there. */
  tails(streams: string[]): Promise<Map<string, string>>
  /** Names of all streams in Redis that match. */
  scan(pattern: string): Promise<string[]>
  /** Removes entries before these ids. */
  trim(minimumIds: ReadonlyMap<string, string>): Promise<void>
  /** Deletes a stream, unless it has entries after this id. */
  discard(stream: string, newestId: string): Promise<void>
}

export const createReader = ({ redis, blocking, shard, onBlockRefused }: ReaderDeps): Reader => {
  const key = readyKey(shard)
  return {
    popReady: () => popReady(redis, key),
    waitReady: createReadyWait({ redis, blocking, key, onBlockRefused }),
    giveBack: async (streams) => {
      const score = Date.now()
      if (streams.length > 0) await redis.zadd(key, ...streams.flatMap((stream) => [score, stream]))
    },
    passOn: async (streams) => {
      const pipeline = redis.pipeline()
      for (const [stream, to] of streams) pipeline.zadd(readyKey(to), Date.now(), stream)
      if (streams.length > 0) await pipeline.exec()
    },
    read: (positions, count) => readAfter(redis, positions, count),
    between: (stream, afterId, upToId) => redis.xrange(stream, `(${afterId}`, upToId),
    tails: (streams) => readTails(redis, streams),
    scan: (pattern) => scanStreams(redis, pattern),
    trim: (minimumIds) => trimStreams(redis, minimumIds),
    discard: async (stream, newestId) => {
      await discard(redis, [stream], [newestId])
    },
  }
}

/** Order of two stream ids (`<ms>-<n>`): negative when the left one is older. */
export const compareIds = (left: string, right: string): number => {
  const [leftMs = '0', leftCount = '0'] = left.split('-')
  const [rightMs = '0', rightCount = '0'] = right.split('-')
  return Number(leftMs) - Number(rightMs) || Number(leftCount) - Number(rightCount)
}
