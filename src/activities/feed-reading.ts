import type { Redis } from 'ioredis'
import { desiredKey, EVERYTHING_KEY, REASSERT_CHANNEL, SHED_KEY } from '../domain/keys.ts'
import { toShed } from '../domain/shed.ts'
import { toEverything } from '../domain/switch.ts'
import type { Session } from '../feed/session.ts'
import { within } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import { readNewestEpochs } from './feed-redis.ts'

export type ReadingDeps = { redis: Redis; group: number; session: Session; log: Logger }

export const READ_EVERY_MS = 5_000
const ANSWER_TIMEOUT_MS = 4_000
const LATE = 'Redis did not answer within 4 s'

/** Publishes what is unknown, each market (or `*`) at most once a reading period: the answer is a new reading. */
const createReassert = (redis: Redis) => {
  const askedTimesMs = new Map<string, number>()
  return async (ids: string[]): Promise<void> => {
    const nowMs = Date.now()
    for (const [id, timeMs] of askedTimesMs) {
      // An empty group stays empty: every workflow answers `*`.
      const periodMs = id === '*' ? 3 * READ_EVERY_MS : READ_EVERY_MS
      if (nowMs - timeMs >= periodMs - 500) askedTimesMs.delete(id)
    }
    const due = ids.filter((id) => !askedTimesMs.has(id))
    for (const id of due) askedTimesMs.set(id, nowMs)
    await Promise.all(due.map((id) => redis.publish(REASSERT_CHANNEL, id)))
  }
}

/** Reads the desired hash now; what is asked meanwhile is one more reading. */
export const createReading = ({ redis, group, session, log }: ReadingDeps): (() => Promise<void>) => {
  const reassert = createReassert(redis)
  let isReading = false
  let isWanted = false
  return async (): Promise<void> => {
    isWanted = true
    if (isReading) return
    isReading = true
    try {
      while (isWanted) {
        isWanted = false
        const asked = Promise.all([redis.mget(EVERYTHING_KEY, SHED_KEY), redis.hgetall(desiredKey(group))])
        const [[everything = null, shed = null], hash] = await within(asked, ANSWER_TIMEOUT_MS, LATE)
        const unseen = Object.keys(hash).filter((marketId) => session.isNew(marketId))
        const epochs = await within(readNewestEpochs(redis, unseen), ANSWER_TIMEOUT_MS, LATE)
        const switches = { everything: toEverything(everything), shed: toShed(shed) }
        await reassert(session.applyDesired({ hash, epochs, ...switches }))
      }
    } catch (error) {
      log.warn({ error, group }, 'desired subscriptions could not be read, tried again in 5 s')
    } finally {
      isReading = false
    }
  }
}
