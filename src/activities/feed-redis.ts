import type { Redis } from 'ioredis'
import { confirmedKey, CONFIRMED_CHANNEL } from '../domain/keys.ts'
import type { Member } from '../feed/market.ts'
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
  async (members: Member[]): Promise<void> => {
    const confirmedTimeMs = Date.now()
    const fields = members.map(({ desired: { marketId, generation, state } }) => [
      marketId,
      JSON.stringify({ generation, state, confirmedTimeMs }),
    ])
    await redis.hset(confirmedKey(group), Object.fromEntries(fields))
    const announced = members.map(({ desired }) =>
      redis.publish(CONFIRMED_CHANNEL, `${desired.marketId} ${desired.generation}`),
    )
    await Promise.all(announced)
  }
