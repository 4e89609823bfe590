import type { Redis } from 'ioredis'
import { HEARTBEATS_KEY } from '../domain/keys.ts'
import type { Reports } from '../heartbeats/reporter.ts'
import { REPORT_SCRIPT } from '../heartbeats/scripts.ts'
import { createRedisScript } from '../lib/redis-script.ts'

const EVERY_MS = 1_000
const reportScript = createRedisScript(REPORT_SCRIPT)

/** Writes what was reported. @throws when Redis does not answer. */
export const writeHeartbeats = async (redis: Redis, texts: string[]): Promise<void> => {
  if (texts.length > 0) await reportScript(redis, [HEARTBEATS_KEY], texts)
}

/** Writes the heartbeats of this process every second, in one call. One that fails is missed by whoever compares them. */
export const publishHeartbeats = (redis: Redis, reports: Reports): Disposable => {
  let isWriting = false
  const write = (): void => {
    if (redis.status !== 'ready' || isWriting) return
    isWriting = true
    writeHeartbeats(redis, reports.texts())
      .catch(() => undefined)
      .finally(() => (isWriting = false))
  }
  const timer = setInterval(write, EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
