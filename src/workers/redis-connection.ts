import { Redis } from 'ioredis'
import type { Logger } from '../lib/log.ts'
import { reasonOf } from './until-reachable.ts'

const RECONNECT_MS = [50, 100, 200, 500, 1_000]
const LONGEST_RECONNECT_MS = 2_000
/** Longer than any command takes or waits: a server that vanished without a word keeps its socket open for minutes. */
const SILENCE_MS = 10_000

/** Who only listens never asks: without this it would take a socket that is dead for one that has nothing to say. */
const PING_EVERY_MS = 5_000

/** `attempts`: connections that a command may outlive, null = any number. `silenceMs`: without an answer for so long, the socket is ended. */
type Patience = { attempts: number | null; silenceMs?: number }

/** Never log credentials. */
export const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : 'the given address')

/** Reconnects for ever. One log line when it is lost and one when it is back, not one an attempt. */
export const openRedis = (url: string, { attempts, silenceMs = SILENCE_MS }: Patience, log: Logger): Redis => {
  const redis = new Redis(url, {
    lazyConnect: false,
    maxRetriesPerRequest: attempts,
    connectTimeout: 5_000,
    socketTimeout: silenceMs,
    retryStrategy: (times) => RECONNECT_MS[times - 1] ?? LONGEST_RECONNECT_MS,
  })
  const ping = (): void => {
    if (redis.status === 'ready') redis.ping().catch(() => undefined)
  }
  const pinging = setInterval(ping, Math.min(PING_EVERY_MS, silenceMs / 2)).unref()
  redis.once('end', () => clearInterval(pinging))
  let isLost = false
  redis.on('error', (error: Error) => {
    if (!isLost) log.warn(`lost Redis at ${hostOf(url)}: ${reasonOf(error)}; reconnecting until it answers`)
    isLost = true
  })
  redis.on('ready', () => {
    if (isLost) log.info(`Redis at ${hostOf(url)} is back`)
    isLost = false
  })
  return redis
}
