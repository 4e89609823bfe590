import type { Redis } from 'ioredis'
import type pg from 'pg'
import type { Recorded } from '../../test/support/recording.ts'
import { until } from '../../test/support/system.ts'
import { checkLedger, type Checked } from './ledger-check.ts'

const instantOf = (id: string): number => Number(id.split('-')[0])

export type Behind = { streams: number; longestMs: number; longest: string }

/** Entries that came and are not committed, and for how long the oldest of them has waited. */
export const readBehind = async (pool: pg.Pool, redis: Redis): Promise<Behind> => {
  const { rows } = await pool.query<{ stream: string; last_id: string }>(
    'select stream, last_id from ingestion_offsets',
  )
  const pipeline = redis.pipeline()
  for (const { stream, last_id: lastId } of rows) pipeline.xrange(stream, `(${lastId}`, '+', 'COUNT', 1)
  const answers = (await pipeline.exec()) ?? []
  const behind: Behind = { streams: 0, longestMs: 0, longest: '' }
  const nowMs = Date.now()
  answers.forEach(([error, found], at) => {
    if (error !== null) throw error
    const [id] = (found as [id: string][]).map(([first]) => first)
    if (id === undefined) return
    behind.streams += 1
    const waitedMs = nowMs - instantOf(id)
    if (waitedMs < behind.longestMs) return
    Object.assign(behind, { longestMs: waitedMs, longest: rows[at]?.stream ?? '' })
  })
  return behind
}

export const behindText = ({ streams, longestMs, longest }: Behind): string =>
  `entries of ${streams} streams wait for their commit, of ${longest} for ${longestMs} ms`

const DRAIN_MS = 120_000

/** Nothing is sent any more and all that was sent is committed. Resolves with how long that took. */
export const drain = async ({ venue, system, pool }: Recorded): Promise<number> => {
  await venue.post('pause')
  const [redis, startMs] = [system.redis(), performance.now()]
  const look = async (): Promise<true> => {
    const behind = await readBehind(pool, redis)
    if (behind.streams > 0) throw new Error(behindText(behind))
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
