import type { Redis } from 'ioredis'
import type pg from 'pg'
import { compareIds, readTails } from '../../src/stream/read.ts'
import type { Recorded } from '../../test/support/recording.ts'
import { until } from '../../test/support/system.ts'
import { checkLedger, type Checked } from './ledger-check.ts'

const instantOf = (id: string): number => Number(id.split('-')[0])

/** How far commits are behind the newest entry of the stream that waits for the longest; 0 where all is committed. */
export const readBehindMs = async (pool: pg.Pool, redis: Redis): Promise<number> => {
  const { rows } = await pool.query<{ stream: string; last_id: string }>(
    'select stream, last_id from ingestion_offsets',
  )
  const tails = await readTails(
    redis,
    rows.map(({ stream }) => stream),
  )
  const behindMs = rows.map(({ stream, last_id: lastId }) => {
    const tail = tails.get(stream)
    return tail === undefined || compareIds(tail, lastId) <= 0 ? 0 : Math.max(1, instantOf(tail) - instantOf(lastId))
  })
  return Math.max(0, ...behindMs)
}

const DRAIN_MS = 120_000

/** Nothing is sent any more and all that was sent is committed. Resolves with how long that took. */
export const drain = async ({ venue, system, pool }: Recorded): Promise<number> => {
  await venue.post('pause')
  const [redis, startMs] = [system.redis(), performance.now()]
  const look = async (): Promise<true> => {
    const behindMs = await readBehindMs(pool, redis)
    if (behindMs > 0) throw new Error(`commits are ${behindMs} ms behind`)
    return true
  }
  await until('all entries to be committed', look, DRAIN_MS)
  return performance.now() - startMs
}

const SETTLE_MS = 60_000

/** Drains, then compares with the ledger until nothing is wrong: a frame may be on its way from the venue, a gap be closing. */
export const settledCheck = async (recorded: Recorded): Promise<Checked> => {
  await drain(recorded)
  let checked = await checkLedger(recorded)
  const endMs = performance.now() + SETTLE_MS
  while (checked.wrong.length > 0 && performance.now() < endMs) checked = await checkLedger(recorded)
  return checked
}
