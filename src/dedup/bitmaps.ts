import type { Redis } from 'ioredis'
import { createRedisScript } from '../lib/redis-script.ts'
import { toPositions } from './bloom.ts'
import { KINDS, type SeenKind } from './kinds.ts'
import { ADD_SCRIPT, CHECK_SCRIPT } from './seen-scripts.ts'

/** A call of so many keys holds Redis up for about 2 ms. */
const KEYS_PER_CALL = 500

const checkScript = createRedisScript(CHECK_SCRIPT)
const addScript = createRedisScript(ADD_SCRIPT)

const chunksOf = (keys: string[]): string[][] =>
  Array.from({ length: Math.ceil(keys.length / KEYS_PER_CALL) }, (_, index) =>
    keys.slice(index * KEYS_PER_CALL, (index + 1) * KEYS_PER_CALL),
  )

const bitmapKey = (kind: SeenKind, period: number): string => `seen:${kind}:${period}`

/** One generation a period of each kind, as a plain bitmap in Redis (managed ones have no bloom module). */
export const createBitmaps = (redis: Redis, now: () => number) => {
  const periodOf = (kind: SeenKind): number => Math.floor(now() / KINDS[kind].periodMs)

  return {
    /** Those of the keys that are in the present generation or the one before, or look as if. */
    find: async (kind: SeenKind, keys: string[]): Promise<Set<string>> => {
      const { shape } = KINDS[kind]
      const period = periodOf(kind)
      const names = [bitmapKey(kind, period), bitmapKey(kind, period - 1)]
      const found = new Set<string>()
      for (const some of chunksOf(keys)) {
        const positions = some.map((key) => toPositions(key, shape).join(' '))
        const answer = await checkScript(redis, names, positions)
        if (!Array.isArray(answer)) throw new Error(`the check script expected an array, came ${typeof answer}`)
        for (const [index, key] of some.entries()) if (answer[index] !== 0) found.add(key)
      }
      return found
    },

    /** Adds keys to the present generation, which is dropped a period after its end. */
    set: async (kind: SeenKind, keys: string[]): Promise<void> => {
      const { shape, periodMs } = KINDS[kind]
      const lifeSeconds = Math.ceil((2 * periodMs) / 1_000)
      for (const some of chunksOf(keys)) {
        const positions = some.map((key) => toPositions(key, shape).join(' '))
        await addScript(redis, [bitmapKey(kind, periodOf(kind))], [lifeSeconds, ...positions])
      }
    },
  }
}
