import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readCheckpoints, writeCheckpoints } from '../../src/store/checkpoints.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, expectExact, startShard, until } from '../support/normalizer-shard.ts'
import { applyAll, newTape, storedCheckpoints } from '../support/normalizer-tape.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, addresses, tables } = await openStores()

const CHILD = join(import.meta.dirname, '../support/normalizer-child.ts')

const spawnShard = () => {
  const { redisUrl, databaseUrl } = addresses
  return spawn(process.execPath, ['--import', 'tsx', CHILD, redisUrl, databaseUrl], { stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
}

const committedRows = async (): Promise<number> =>
  Number((await database.pool.query<{ count: string }>('select count(*) from order_books')).rows[0]?.count)

test('kill -9 in mid-stream, again and again: rows once, sequences dense, the cache is the book', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('31'), gammaText('32')])
  for (const marketId of ['31', '32']) await flow.books(marketId)
  let tradeCount = 0
  for (let round = 0; round < 2; round++) {
    const child = spawnShard()
    const before = await committedRows()
    let isFlowing = true
    const flowing = (async () => {
      while (isFlowing) {
        await flow.changes('31', 25)
        await flow.changes('32', 10)
        await flow.trade('31', '0xbb')
        tradeCount += 1
        await sleep(10)
      }
    })()
    await until('rows of this run are committed', async () => (await committedRows()) > before + 200)
    child.kill('SIGKILL')
    await once(child, 'exit')
    isFlowing = false
    await flowing
  }
  await redis.del('ladder:31:0:bid', 'quote:32')
  await using shard = startShard(addresses)
  const [rows = []] = await expectExact(tables(), flow, '31')
  await expectExact(tables(), flow, '32')
  expect(rows.filter((row) => row.kind !== 'change')).toHaveLength(1)
  expect(shard.stats.read()['gaps'] ?? 0).toBe(0)
  const fills = await database.pool.query<{ ordinal: number }>('select ordinal from fills order by ordinal')
  expect(fills.rows.map((row) => row.ordinal)).toEqual(Array.from({ length: tradeCount }, (_, at) => at))
})

test('of two copies of one shard the newer goes on, the older says who owns the shard, and every row is there once', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('33')])
  await flow.books('33')
  const older = startShard(addresses)
  await flow.changes('33', 50)
  await committed(tables(), 'orderbook:33')
  await using newer = startShard(addresses)
  let message = ''
  void older.ended.then((how) => (message = how))
  await until('the older copy stopped', async () => {
    await flow.changes('33', 25)
    return message !== ''
  })
  expect(message).toMatch(
    /shard 0.*this copy.*stopped because epoch \d+ on .+:\d+, workflow \S+ since .+ owns the shard/,
  )
  await older.stop()
  await flow.changes('33', 50)
  await expectExact(tables(), flow, '33')
  expect(newer.stats.read()['commits']).toBeGreaterThan(0)
})

test('what the losing copy took from the ready streams is read by the owner at once', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('34')])
  await flow.books('34')
  await using _older = startShard(addresses)
  await committed(tables(), 'orderbook:34')
  await using _newer = startShard(addresses)
  await until('the newer copy owns the shard', async () => {
    const sql = "select 1 from ingestion_offsets o join normalizer_owners w on o.writer = '0:' || w.epoch where stream = 'orderbook:34'" // prettier-ignore
    return (await database.pool.query(sql)).rowCount === 1
  })
  await sleep(100)
  await flow.changes('34', 5)
  const startMs = Date.now()
  await expectExact(tables(), flow, '34')
  // Far below the sweep over all streams, which would find them after 30 s.
  expect(Date.now() - startMs).toBeLessThan(20_000)
})

test('a shard that Temporal has given up goes on until its successor owns it, and every row is there once', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('35')])
  await flow.books('35')
  const lost = startShard(addresses)
  await committed(tables(), 'orderbook:35')
  expect(await lost.lose()).toMatch(/NOT_FOUND/)
  await flow.changes('35', 25)
  await committed(tables(), 'orderbook:35')
  await using successor = startShard(addresses)
  await until('the successor commits', async () => {
    await flow.changes('35', 5)
    return (successor.stats.read()['commits'] ?? 0) > 0
  })
  await expectExact(tables(), flow, '35')
  await lost.stop()
})

test('a checkpoint at a sequence that has one replaces it whole: a tick takes no sequence', async () => {
  const frame = { kind: 'websocket' as const, receivedTimeMs: 1_790_000_000_500, sourceReceivedTimeMs: undefined }
  const tick = { event_type: 'tick_size_change', asset_id: '7001', new_tick_size: '0.001', timestamp: '1790000000000' }
  const tape = newTape()
  const client = await database.pool.connect()
  try {
    await writeCheckpoints(client, storedCheckpoints(tape))
    applyAll(tape, [{ stream: 'orderbook:9', id: '5-0', epoch: 'e', firstOrdinal: 1, frames: [{ ...frame, text: JSON.stringify(tick) }] }]) // prettier-ignore
    await writeCheckpoints(client, storedCheckpoints(tape))
  } finally {
    client.release()
  }
  const [first] = await readCheckpoints(database.pool, ['9'])
  expect(first).toMatchObject({ outcomeId: '9:0', sequence: 0, streamId: '5-0', tickSize: '0.001' })
})
