import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { unreadIn } from '../../src/stream/waiting.ts'
import { runPmxt } from '../support/import-run.ts'
import { addMarket, look, namesOf } from '../support/imported-market.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { writePmxt } from '../support/pmxt-file.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const HOUR = Date.parse('2026-04-20T13:00:00Z')
const RECORDED_UNTIL = HOUR + 20 * MINUTE_MS

const { database, redis } = await openStores()
const { pool } = database
const folder = await mkdtemp(join(tmpdir(), 'polytape-behind-'))
afterAll(() => rm(folder, { recursive: true }))

const iso = (timeMs: number): string => new Date(timeMs).toISOString()

/** How far the stream of a market is committed. */
const commit = (marketId: string, lastId: string, receivedTimeMs: number, updatedTimeMs: number) =>
  pool.query(
    `insert into ingestion_offsets (stream, last_id, sequence, writer, progress, updated_at) values ($1, $2, 1, '0:1', $3, $4)
     on conflict (stream) do update set last_id = excluded.last_id, progress = excluded.progress, updated_at = excluded.updated_at`,
    [`orderbook:${marketId}`, lastId, JSON.stringify({ receivedTimeMs }), iso(updatedTimeMs)],
  )

/** A frame that Redis has: its id. */
const append = async (marketId: string, timeMs: number): Promise<string> => {
  const id = await redis.xadd(`orderbook:${marketId}`, `${timeMs}-1`, 'e', 'not read here')
  if (id === null) throw new Error('expected an id')
  return id
}

const bookOf = (outcomeId: string, receivedTimeMs: number) => ({
  ...namesOf(outcomeId),
  receivedTimeMs,
  venueTimeMs: receivedTimeMs,
  type: 'book' as const,
  bids: [['0.4', '10']] as [string, string][],
  asks: [],
})

/** A file of two books: one a moment after the hour has begun, one a moment before its end. */
const importHour = async (marketId: string, startTimeMs = HOUR) => {
  const path = join(folder, `${marketId}-${startTimeMs}.parquet`)
  const times = [startTimeMs + 1_000, startTimeMs + HOUR_MS - 1_000]
  await writePmxt(path, 'v2', times.map((timeMs) => bookOf(`${marketId}:0`, timeMs))) // prettier-ignore
  const given = { origin: path, importId: `run-${marketId}-${startTimeMs}`, markets: [marketId] }
  return runPmxt({ pool, hasUnread: unreadIn(redis) }, folder, given)
}

/** Recorded from before the hour on. */
const addRecorded = async (marketId: string): Promise<void> => {
  await addMarket(pool, marketId)
  await pool.query(
    `insert into book_checkpoints (outcome_id, sequence, market_id, stream_id, epoch, ordinal, captured_at, tick_size, bids, asks, resume)
     select outcome_id, 1, market_id, '1-1', 'e', 1, $2, '0.01', '[]', '[]', '{"status": "following"}' from outcomes where market_id = $1`,
    [marketId, iso(HOUR - 1_000)],
  )
}

const spansOf = async (marketId: string): Promise<[number, number][]> => {
  const { rows } = await pool.query<{ begins_at: Date; ends_at: Date }>(
    'select begins_at, ends_at from imported_spans where market_id = $1 order by begins_at',
    [marketId],
  )
  return rows.map(({ begins_at, ends_at }) => [begins_at.getTime(), ends_at.getTime()])
}

const BEHIND = 'the normalizer is behind'

test('what lies in Redis while the normalizer is down is not imported over; what came after all was read is', async () => {
  await addRecorded('10')
  await commit('10', '1-1', RECORDED_UNTIL, RECORDED_UNTIL)
  const id = await append('10', RECORDED_UNTIL + MINUTE_MS)
  await expect(importHour('10')).rejects.toThrow(BEHIND)
  expect(await spansOf('10')).toEqual([])

  await commit('10', id, RECORDED_UNTIL + MINUTE_MS, RECORDED_UNTIL + MINUTE_MS)
  await importHour('10')
  expect(await spansOf('10')).toEqual([[RECORDED_UNTIL + 11 * MINUTE_MS, HOUR + HOUR_MS]])
  expect(await look(pool, '10:0', [RECORDED_UNTIL + 10 * MINUTE_MS])).toMatchObject([{ state: 'unverified' }])
})

test('a gap that is open counts until where its stream was read, though other markets are further', async () => {
  await commit('19', '1-1', Date.now(), Date.now())
  await addRecorded('11')
  await pool.query(
    `insert into feed_gaps (market_id, outcome_id, opened_at, detected_at, reason, last_good_sequence, gap_sequence, detail)
     values ('11', '11:0', $1, $1, 'disconnect', 1, 2, '')`,
    [iso(RECORDED_UNTIL)],
  )
  await commit('11', '1-1', RECORDED_UNTIL, RECORDED_UNTIL)
  const id = await append('11', RECORDED_UNTIL + 1_000)
  await expect(importHour('11')).rejects.toThrow(BEHIND)

  await commit('11', id, RECORDED_UNTIL + 1_000, Date.now())
  await importHour('11')
  expect(await spansOf('11')).toEqual([[RECORDED_UNTIL, HOUR + HOUR_MS]])
})

test('a market without a first book is free once its stream is read, or read beyond the file', async () => {
  for (const marketId of ['12', '13']) {
    await addMarket(pool, marketId)
    await append(marketId, HOUR + 5_000)
    await expect(importHour(marketId)).rejects.toThrow(BEHIND)
  }
  await redis.del('orderbook:12')
  await importHour('12')
  await commit('13', '1-1', HOUR + HOUR_MS, Date.now())
  await importHour('13')
  for (const marketId of ['12', '13']) expect(await spansOf(marketId)).toEqual([[HOUR + 1_000, HOUR + HOUR_MS]])
})

test('a file of what is to come is refused, and one of a moment ago is waited with', async () => {
  await addMarket(pool, '14')
  const next = (Math.floor(Date.now() / HOUR_MS) + 1) * HOUR_MS
  await expect(importHour('14', next)).rejects.toMatchObject({ message: expect.stringContaining('a file of the past'), nonRetryable: true }) // prettier-ignore
  // Not within the last minute of an hour: that counts as its end.
  const atMs = Date.now() - 30_000
  const justNow = Math.min(atMs, Math.floor(atMs / HOUR_MS) * HOUR_MS + 57 * MINUTE_MS)
  await expect(importHour('14', justNow - HOUR_MS)).rejects.toThrow('waits until 10 minutes after')
  expect(await spansOf('14')).toEqual([])
})
