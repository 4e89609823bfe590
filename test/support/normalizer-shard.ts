import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { ActivityCancellationDetails } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { expect } from 'vitest'
import { createNormalizerActivities } from '../../src/activities/normalizer.ts'
import type { Stats } from '../../src/lib/stats.ts'
import { openDeps, type Addresses } from './normalizer-deps.ts'
import { outcomesOf, type Flow } from './normalizer-flow.ts'
import { bookOfRows, levelKey, sequencesOf, type Row } from './normalizer-rows.ts'
import type { TestServer } from './services-process.ts'

export const until = async (what: string, holds: () => Promise<boolean> | boolean): Promise<void> => {
  const deadlineMs = Date.now() + 90_000
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`expected within 90 s: ${what}`)
    await sleep(25)
  }
}

/** Stops a server and lets its end be noted before its folder goes. */
export const close = async (server: TestServer): Promise<void> => {
  await server.stop()
  await sleep(300)
  await server[Symbol.asyncDispose]()
}

export type RunningShard = AsyncDisposable & {
  stats: Stats
  /** How the activity ended: its error's message, or `ended`. */
  ended: Promise<string>
  /** Tells it what a heartbeat is answered when the server has given the activity up, and waits until that has ended. */
  lose(): Promise<string>
  /** Cancels it as its workflow would, and waits. */
  stop(): Promise<string>
}

const nothing = (): void => undefined
/** The SDK warns of every activity that fails, also where that is the promise. */
const SILENT = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }

/** Runs the activity of shard 0, or of another one among several. */
export const startShard = (addresses: Addresses, shard = 0, more: NodeJS.ProcessEnv = {}): RunningShard => {
  const deps = openDeps(addresses, more)
  const { runNormalizer } = createNormalizerActivities(deps)
  const environment = new MockActivityEnvironment({}, { logger: SILENT })
  const ended = environment.run(runNormalizer, { shard }).then(
    () => 'ended',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  let closed: Promise<void> | undefined
  const stop = async (): Promise<string> => {
    environment.cancel()
    const how = await ended
    closed ??= Promise.resolve(deps[Symbol.asyncDispose]())
    await closed
    return how
  }
  const lose = (): Promise<string> => {
    environment.cancel('NOT_FOUND', new ActivityCancellationDetails({ notFound: true }))
    return ended
  }
  return { stats: deps.stats, ended, lose, stop, [Symbol.asyncDispose]: async () => void (await stop()) }
}

type Tables = { pool: pg.Pool; redis: Redis }

export const readRows = async (pool: pg.Pool, outcomeId: string): Promise<Row[]> => {
  const result = await pool.query<Record<string, string> & { captured_at: Date }>(
    'select id, sequence, captured_at, price, size, side, kind from order_books where outcome_id = $1 order by id',
    [outcomeId],
  )
  return result.rows.map((row) => ({
    id: Number(row['id']),
    sequence: Number(row['sequence']),
    capturedTimeMs: row.captured_at.getTime(),
    price: row['price'] ?? '',
    size: row['size'] ?? '',
    outcomeId,
    side: row['side'] as Row['side'],
    kind: row['kind'] as Row['kind'],
  }))
}

/** Offset in Postgres equals the stream's tail: all that was appended is committed. */
export const committed = ({ pool, redis }: Tables, stream: string): Promise<void> =>
  until(`${stream} is committed to its tail`, async () => {
    const [newest] = await redis.xrevrange(stream, '+', '-', 'COUNT', 1)
    const tail = newest?.[0]
    const sql = 'select last_id from ingestion_offsets where stream = $1'
    const result = await pool.query<{ last_id: string }>(sql, [stream]).catch(() => undefined)
    return tail !== undefined && result?.rows[0]?.last_id === tail
  })

const ladderOf = async (redis: Redis, outcomeId: string): Promise<Map<string, string>> => {
  const levels = new Map<string, string>()
  for (const side of ['bid', 'ask']) {
    const pairs = await redis.zrange(`ladder:${outcomeId}:${side}`, '0', '-1', 'WITHSCORES')
    for (let at = 0; at < pairs.length; at += 2) {
      const [price = '', size = ''] = (pairs[at] ?? '').split(':')
      expect(Number(pairs[at + 1])).toBe(Number(price))
      expect(levels.has(levelKey(side, price))).toBe(false)
      levels.set(levelKey(side, price), String(Number(size)))
    }
  }
  return levels
}

const untilShown = (redis: Redis, outcomeId: string, levels: Map<string, string>): Promise<void> =>
  until(`the ladders of ${outcomeId}`, async () => isDeepStrictEqual(await ladderOf(redis, outcomeId), levels))

/** Rows once, sequences dense, the history's book and the ladders are the venue's; returns all rows by outcome. */
export const expectExact = async (tables: Tables, flow: Flow, marketId: string): Promise<Row[][]> => {
  await committed(tables, `orderbook:${marketId}`)
  const all: Row[][] = []
  for (const outcomeId of outcomesOf(marketId)) {
    const rows = await readRows(tables.pool, outcomeId)
    const sequences = sequencesOf(rows)
    expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, at) => at + 1))
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length)
    const times = rows.map((row) => row.capturedTimeMs)
    expect(times).toEqual(times.toSorted((left, right) => left - right))
    expect(bookOfRows(rows)).toEqual(flow.levels(outcomeId))
    // What a cache write missed while Redis was away is written again.
    await untilShown(tables.redis, outcomeId, flow.levels(outcomeId)).catch(() => undefined)
    expect(await ladderOf(tables.redis, outcomeId)).toEqual(flow.levels(outcomeId))
    all.push(rows)
  }
  return all
}
