import type { Redis } from 'ioredis'
import { readyKey } from '../domain/keys.ts'
import { createRedisScript } from '../lib/redis-script.ts'
import type { Shard } from './normalizer-shard.ts'
import type { Tapes } from './normalizer-tapes.ts'

/** Of more streams the rest counts as much as these on the average. */
const STREAMS_LOOKED_AT = 100

/**
 * KEYS: streams. ARGV: of each the id of the last entry that was read. Returns how many entries follow: up to 20 of each
 * are counted, and of one that has more its length stands for them, of which recovery keeps a checkpoint's worth.
 */
const countScript = createRedisScript(`
local total = 0
for at, stream in ipairs(KEYS) do
  local count = #redis.call('XRANGE', stream, '(' .. ARGV[at], '+', 'COUNT', 20)
  if count == 20 then count = redis.call('XLEN', stream) end
  total = total + count
end
return total
`)

type LagDeps = { redis: Redis; index: number; shard: Shard; tapes: Tapes }

const countUnread = async ({ redis, tapes }: LagDeps, streams: string[]): Promise<number> => {
  const some = streams.slice(0, STREAMS_LOOKED_AT)
  if (some.length === 0) return 0
  const lastIds = some.map((stream) => tapes.get(stream)?.lastId ?? '0')
  const counted = Number(await countScript(redis, some, lastIds))
  return Math.round((counted * streams.length) / some.length)
}

/** How far a shard is behind its streams. Where nothing waits that is one command; it is asked for by whoever scrapes. */
export const createLagLook = (deps: LagDeps) => async (): Promise<[string, number][]> => {
  const { redis, index, shard, tapes } = deps
  const key = readyKey(index)
  const ready = await redis.zrange(key, '0', String(STREAMS_LOOKED_AT - 1), 'WITHSCORES')
  const names = ready.filter((_, at) => at % 2 === 0)
  const oldestTimeMs = Number(ready[1] ?? Infinity)
  const more = names.length < STREAMS_LOOKED_AT ? 0 : (await redis.zcard(key)) - names.length
  const streams = [...new Set([...shard.unread, ...names])]
  const entries = await countUnread(deps, streams)
  const all = streams.length === 0 ? 0 : Math.round((entries * (streams.length + more)) / streams.length)
  return [
    [`streamLagEntries:${index}`, all],
    [`streamLagMs:${index}`, Math.max(0, tapes.judge.lagMs, Date.now() - oldestTimeMs)],
  ]
}
