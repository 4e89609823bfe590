import type { Redis } from 'ioredis'
import { EVERYTHING_KEY, orderbookStream, statsKey } from '../../domain/keys.ts'
import { toEverything } from '../../domain/switch.ts'

/** Clocks of hosts differ a little, and a batch takes its time. */
const SLACK_MS = 2_000
const KEYS_PER_SCAN = 5_000

const isRunning = async (redis: Redis, role: string): Promise<boolean> => {
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', statsKey(role, '*'), 'COUNT', KEYS_PER_SCAN)
    if (keys.length > 0) return true
    cursor = next
  } while (cursor !== '0')
  return false
}

/** Epoch ms at which the market's stream got its newest entry. */
const newestEntryMs = async (redis: Redis, marketId: string): Promise<number> => {
  const [entry] = await redis.xrevrange(orderbookStream(marketId), '+', '-', 'COUNT', 1)
  return Number(entry?.[0].split('-')[0] ?? 0)
}

/** Why what the hot cache says of a market, written at `updatedMs`, is not current; undefined where nothing says so. */
export const whyBehind = async (redis: Redis, marketId: string, updatedMs: number): Promise<string | undefined> => {
  for (const role of ['feed', 'normalizer']) {
    if (!(await isRunning(redis, role))) return `no ${role} is running`
  }
  if (toEverything(await redis.get(EVERYTHING_KEY))?.state === 'paused') return 'everything is paused by an operator'
  const behindMs = (await newestEntryMs(redis, marketId)) - updatedMs
  return behindMs > SLACK_MS ? `frames of the last ${Math.round(behindMs / 1_000)} s are not applied yet` : undefined
}
