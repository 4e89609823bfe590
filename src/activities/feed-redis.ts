import type { Redis } from 'ioredis'
import { confirmedKey, CONFIRMED_CHANNEL, orderbookStream, quoteKey } from '../domain/keys.ts'
import type { Confirmation } from '../feed/market.ts'
import type { Logger } from '../lib/log.ts'
import { within } from '../lib/every.ts'
import { createAppender, type Appender, type AppenderDeps } from '../stream/append.ts'

const ANSWER_TIMEOUT_MS = 5_000

/**
 * An appender that fails at once while Redis is away, and gives up a connection that does not answer: else every
 * repeated flush would pile up in the client's own queue.
 */
export const createGuardedAppender = (deps: AppenderDeps): Appender => {
  const { redis } = deps
  const appender = createAppender(deps)
  const guard = async <T>(call: () => Promise<T>): Promise<T> => {
    if (redis.status !== 'ready') throw new Error(`Redis is not connected (${redis.status})`)
    let isAnswered = false
    const note = (): void => {
      isAnswered = true
    }
    const calling = call()
    calling.then(note, note)
    try {
      return await within(calling, ANSWER_TIMEOUT_MS, `Redis did not answer within ${ANSWER_TIMEOUT_MS} ms`)
    } finally {
      if (!isAnswered) redis.disconnect(true)
    }
  }
  return {
    append: (entries, acknowledged) => guard(() => appender.append(entries, acknowledged)),
    readAppended: (epoch) => guard(() => appender.readAppended(epoch)),
    refresh: (epoch) => guard(() => appender.refresh(epoch)),
  }
}

/** Where the workflows look for it, then the announcement. */
export const createConfirmations =
  (redis: Redis, group: number) =>
  async (confirmations: Confirmation[]): Promise<void> => {
    const confirmedTimeMs = Date.now()
    const fields = confirmations.map(({ marketId, generation, state }) => [
      marketId,
      JSON.stringify({ generation, state, confirmedTimeMs }),
    ])
    await redis.hset(confirmedKey(group), Object.fromEntries(fields))
    const announced = confirmations.map(({ marketId, generation }) =>
      redis.publish(CONFIRMED_CHANNEL, `${marketId} ${generation}`),
    )
    await Promise.all(announced)
  }

/** Epoch of the newest entry in each market's stream; absent where there is none. @throws when Redis does not answer. */
export const readNewestEpochs = async (redis: Redis, marketIds: string[]): Promise<Map<string, string>> => {
  const epochs = new Map<string, string>()
  if (marketIds.length === 0) return epochs
  const pipeline = redis.pipeline()
  for (const marketId of marketIds) pipeline.xrevrange(orderbookStream(marketId), '+', '-', 'COUNT', 1)
  const answers = (await pipeline.exec()) ?? []
  answers.forEach(([, entries], index) => {
    const fields: unknown = Array.isArray(entries) && Array.isArray(entries[0]) ? entries[0][1] : undefined
    const epoch: unknown = Array.isArray(fields) ? fields[fields.indexOf('e') + 1] : undefined
    const marketId = marketIds[index]
    if (marketId !== undefined && typeof epoch === 'string') epochs.set(marketId, epoch)
  })
  return epochs
}

const APPLIED_TIMEOUT_MS = 2_000

/** Reads what the normalizer has applied of markets. Without an answer nothing is known of any. */
export const createAppliedReader =
  (redis: Redis, log: Logger) =>
  async (marketIds: string[]): Promise<ReadonlyMap<string, string>> => {
    const applied = new Map<string, string>()
    const pipeline = redis.pipeline()
    for (const marketId of marketIds) pipeline.hget(quoteKey(marketId), 'applied')
    try {
      const answers = await within(pipeline.exec(), APPLIED_TIMEOUT_MS, 'Redis did not answer within 2 s')
      answers?.forEach(([, text], index) => {
        const marketId = marketIds[index]
        if (marketId !== undefined && typeof text === 'string') applied.set(marketId, text)
      })
    } catch (error) {
      log.debug({ error }, 'what the normalizer has applied could not be read')
    }
    return applied
  }
