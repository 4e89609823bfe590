import type { Redis } from 'ioredis'
import { writeMeter } from '../activities/cost-reading.ts'
import { toUsage } from '../cost/figures.ts'
import { PROCESS_NAME } from '../lib/process-name.ts'
import type { Stats } from '../lib/stats.ts'
import { heartbeatsIn } from './temporal-meter.ts'

const EVERY_MS = 15_000

export type UsageSource = { stats: Stats; role: string; readSdkMetrics: () => Promise<string> }

/** Tells what this process has used four times a minute, for whoever reckons the costs. What could not be told is told next time. */
export const publishUsage = (redis: Redis, { stats, role, readSdkMetrics }: UsageSource): Disposable => {
  const startedTimeMs = Date.now()
  const write = async (): Promise<void> => {
    if (redis.status !== 'ready') return
    const heartbeatActions = heartbeatsIn(await readSdkMetrics())
    const usage = { ...toUsage(role, stats.readCounted()), heartbeatActions }
    await writeMeter(redis, `${role}:${PROCESS_NAME}`, { usage, startedTimeMs, readTimeMs: Date.now() })
  }
  const tryToWrite = (): void => void write().catch(() => undefined)
  tryToWrite()
  const timer = setInterval(tryToWrite, EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
