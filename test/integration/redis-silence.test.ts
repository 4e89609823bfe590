import { expect, test, vi } from 'vitest'
import { createLog } from '../../src/lib/log.ts'
import { createReady } from '../../src/activities/normalizer-ready.ts'
import { createReader } from '../../src/stream/read.ts'
import { openRedis } from '../../src/workers/redis-connection.ts'
import { openMuteProxy } from '../support/mute-proxy.ts'
import { openRedis as openServer } from '../support/services.ts'

const log = createLog('normalizer', process.env['LOG_LEVEL'] ?? 'silent')
/** A wait for news takes half a second. */
const SILENCE_MS = 6_000

test('a Redis that vanishes without a word is given up, and what was asked is answered by the one that came in its place', async () => {
  await using server = await openServer()
  await using proxy = await openMuteProxy(Number(new URL(server.url).port))
  const redis = openRedis(`redis://127.0.0.1:${proxy.port}`, { attempts: 3, silenceMs: SILENCE_MS }, log)
  try {
    await redis.set('a', '1')
    const sockets = proxy.count()
    proxy.mute()
    expect(await redis.get('a')).toBe('1')
    expect(proxy.count()).toBeGreaterThan(sockets)
  } finally {
    redis.disconnect()
  }
})

test('who waits for streams with news waits on after a server vanished, and quiet alone ends no socket', async () => {
  await using server = await openServer()
  await using proxy = await openMuteProxy(Number(new URL(server.url).port))
  const open = (attempts: number | null) =>
    openRedis(`redis://127.0.0.1:${proxy.port}`, { attempts, silenceMs: SILENCE_MS }, log)
  const [redis, blocking] = [open(3), open(null)]
  try {
    const reader = createReader({ redis, blocking, shard: 0, onBlockRefused: () => undefined })
    const ready = createReady(reader)
    for (let waits = 0; waits < 13; waits++) expect(await ready.take(true)).toEqual([])
    expect(proxy.count()).toBe(2)
    proxy.mute()
    const waiting = ready.take(true)
    await reader.passOn([['orderbook:1', 0]])
    const named = await waiting
    expect(named.length > 0 ? named : await ready.take(true)).toEqual(['orderbook:1'])
  } finally {
    redis.disconnect()
    blocking.disconnect()
  }
})

test('who only listens hears again what is said after a server vanished', async () => {
  await using server = await openServer()
  await using proxy = await openMuteProxy(Number(new URL(server.url).port))
  const listener = openRedis(`redis://127.0.0.1:${proxy.port}`, { attempts: null, silenceMs: SILENCE_MS }, log)
  const speaker = server.connect()
  try {
    const heard: string[] = []
    listener.on('message', (_channel, message) => heard.push(message))
    await listener.subscribe('news')
    proxy.mute()
    await vi.waitFor(
      async () => {
        await speaker.publish('news', 'again')
        expect(heard).not.toEqual([])
      },
      { timeout: 30_000, interval: 200 },
    )
  } finally {
    listener.disconnect()
    speaker.disconnect()
  }
})
