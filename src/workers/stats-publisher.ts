import { hostname } from 'node:os'
import type { Redis } from 'ioredis'
import { statsKey } from '../domain/keys.ts'
import { isLabelled, type Stats } from '../lib/stats.ts'

const EVERY_MS = 1_000
const EXPIRE_MS = 10_000

/** Writes the figures of this process every second; they expire by themselves. A write that fails is the next one's concern. */
export const publishStats = (redis: Redis, stats: Stats, role: string): Disposable => {
  const key = statsKey(role, `${hostname()}:${process.pid}`)
  const startedTimeMs = Date.now()
  const write = (): void => {
    if (redis.status !== 'ready') return
    const figures = Object.entries(stats.read()).filter(([name]) => !isLabelled(name))
    const text = JSON.stringify({ ...Object.fromEntries(figures), role, pid: process.pid, startedTimeMs })
    redis.set(key, text, 'PX', EXPIRE_MS).catch(() => undefined)
  }
  write()
  const timer = setInterval(write, EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
