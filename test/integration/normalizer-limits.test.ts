import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { createRedisScript } from '../../src/lib/redis-script.ts'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, expectExact, startShard, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

/** What managed servers refuse, on a real Redis that is told to. */
const { database, redis, server, addresses, tables } = await openStores()

test('a shard that starts on a full Redis commits and trims what is there, and writes the cache when there is room', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('61')])
  await flow.books('61')
  await flow.changes('61', 400)
  const lengthBefore = await redis.xlen('orderbook:61')
  await redis.config('SET', 'maxmemory', '1mb')
  await expect(redis.set('more', 'x')).rejects.toThrow('OOM')
  await using shard = startShard(addresses)
  await committed(tables(), 'orderbook:61')
  await until('what is committed makes room', async () => (await redis.xlen('orderbook:61')) < lengthBefore / 2)
  await until('the cache could not be written', () => (shard.stats.read()['cacheErrors'] ?? 0) > 0)
  expect(await redis.exists('quote:61')).toBe(0)
  await redis.config('SET', 'maxmemory', '0')
  await flow.changes('61', 50)
  await expectExact(tables(), flow, '61')
  expect((await database.pool.query('select reason from feed_gaps')).rows).toEqual([])
})

test('where no command may wait the ready streams are polled, and nothing is missed', async () => {
  await redis.call('ACL', 'SETUSER', 'proxied', 'on', '>proxied', '~*', '&*', '+@all', '-bzmpop')
  const redisUrl = server.url.replace('redis://', 'redis://proxied:proxied@')
  await using shard = startShard({ ...addresses, redisUrl })
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('62')])
  await flow.books('62')
  for (let round = 0; round < 5; round++) {
    await flow.changes('62', 20)
    await expectExact(tables(), flow, '62')
  }
  expect(await Promise.race([shard.ended, Promise.resolve('running')])).toBe('running')
})

const FLAG = '#!lua flags=allow-key-locking\n'

/** A client whose server takes the flag, as Upstash does: plain Redis refuses it. */
const withKeyLocking = (client: Redis): { client: Redis; flagged: () => number } => {
  let count = 0
  const send = client.sendCommand.bind(client)
  client.sendCommand = (command, ...given) => {
    const [text] = command.args
    if (command.name === 'eval' && typeof text === 'string' && text.startsWith(FLAG)) {
      count += 1
      command.args[0] = text.slice(FLAG.length)
    }
    return send(command, ...given)
  }
  return { client, flagged: () => count }
}

test('scripts name the locks that they need where the server takes it, and run plainly where it does not', async () => {
  const script = createRedisScript(`return redis.call('INCR', KEYS[1])`)
  expect(await Promise.all([script(redis, ['counted'], []), script(redis, ['counted'], [])])).toEqual([1, 2])
  const { client, flagged } = withKeyLocking(server.connect())
  expect(await script(client, ['counted'], [])).toBe(3)
  expect(flagged(), 'asked once, and sent once with the flag').toBe(2)
  client.disconnect()
})
