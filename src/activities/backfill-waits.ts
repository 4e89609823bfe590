import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import { TRADES_STREAM } from '../domain/keys.ts'
import { readOffset } from '../store/offsets.ts'
import { compareIds } from '../stream/read.ts'
import { countEntriesAfter } from '../stream/waiting.ts'

export type BackfillWaits = {
  /** So that neither Redis nor live fills feel how fast the past is read. */
  untilTaken(signal: AbortSignal): Promise<void>
  /** All that is in the stream now: what is done can be read in Postgres. */
  untilCommitted(signal: AbortSignal): Promise<void>
}

/** Entries of up to a hundred fills that wait for the normalizer: live fills share the stream and must not wait for long. */
const MOST_WAITING = 20
const WAIT_POLL_MS = 200

export const createBackfillWaits = ({ redis, pool }: { redis: Redis; pool: Pool }): BackfillWaits => {
  const committedId = async (): Promise<string> => (await readOffset(pool, TRADES_STREAM))?.lastId ?? '0-0'
  return {
    untilTaken: async (signal) => {
      while ((await countEntriesAfter(redis, TRADES_STREAM, await committedId(), MOST_WAITING)) >= MOST_WAITING) {
        await sleep(WAIT_POLL_MS, undefined, { signal })
      }
    },
    untilCommitted: async (signal) => {
      const [newest] = await redis.xrevrange(TRADES_STREAM, '+', '-', 'COUNT', 1)
      if (newest === undefined) return
      while (compareIds(await committedId(), newest[0]) < 0) await sleep(WAIT_POLL_MS, undefined, { signal })
    },
  }
}
