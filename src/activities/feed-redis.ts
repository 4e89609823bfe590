import type { Redis } from 'ioredis'
import {
  confirmedKey,
  CONFIRMED_CHANNEL,
  DESIRED_CHANNEL,
  desiredKey,
  EVERYTHING_CONFIRMED_KEY,
  FEED_GROUPS_KEY,
  FEED_MOVES_KEY,
  orderbookStream,
  quoteKey,
  REASSERT_CHANNEL,
} from '../domain/keys.ts'
import type { Standing } from '../feed/arrivals.ts'
import type { SwitchReport } from '../feed/gate.ts'
import type { Confirmation } from '../feed/market.ts'
import type { Logger } from '../lib/log.ts'
import { within } from '../lib/every.ts'
import { createAppender, type Appender, type AppenderDeps } from '../stream/append.ts'
import { CLEAR_GONE_SCRIPT, TAKE_OVER_SCRIPT } from './move-scripts.ts'

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
    const gone = confirmations.filter(({ isGone }) => isGone).map(({ marketId }) => marketId)
    if (gone.length > 0) await redis.eval(CLEAR_GONE_SCRIPT, 2, desiredKey(group), confirmedKey(group), ...gone)
    const staying = confirmations.filter(({ isGone }) => !isGone)
    if (staying.length === 0) return
    const fields = staying.map(({ marketId, generation, state }) => [
      marketId,
      JSON.stringify({ generation, state, confirmedTimeMs }),
    ])
    await redis.hset(confirmedKey(group), Object.fromEntries(fields))
    const announced = staying.map(({ marketId, generation }) =>
      redis.publish(CONFIRMED_CHANNEL, `${marketId} ${generation}`),
    )
    await Promise.all(announced)
  }

/** Where whoever turned the switch over all markets waits for it. */
export const createSwitchReports =
  (redis: Redis, group: number) =>
  async (report: SwitchReport): Promise<void> => {
    await redis.hset(EVERYTHING_CONFIRMED_KEY, group, JSON.stringify({ ...report, confirmedTimeMs: Date.now() }))
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

const LOOK_TIMEOUT_MS = 2_000

const answered = <T>(work: Promise<T>): Promise<T> => within(work, LOOK_TIMEOUT_MS, 'Redis did not answer within 2 s')

/** Reads what the normalizer has applied of markets. Without an answer nothing is known of any. */
export const createAppliedReader =
  (redis: Redis, log: Logger) =>
  async (marketIds: string[]): Promise<ReadonlyMap<string, string>> => {
    const applied = new Map<string, string>()
    const pipeline = redis.pipeline()
    for (const marketId of marketIds) pipeline.hget(quoteKey(marketId), 'applied')
    try {
      const answers = await answered(pipeline.exec())
      answers?.forEach(([, text], index) => {
        const marketId = marketIds[index]
        if (marketId !== undefined && typeof text === 'string') applied.set(marketId, text)
      })
    } catch (error) {
      log.debug({ error }, 'what the normalizer has applied could not be read')
    }
    return applied
  }

const timesOf = (applied: string | null | undefined): number[] =>
  (applied ?? '').split(' ').map((text) => Number(text.split(':')[0]) || 0)

/** Reads how far markets are applied, whoever feeds them. @throws when Redis does not answer. */
export const createStandingReader =
  (redis: Redis) =>
  async (marketIds: string[]): Promise<ReadonlyMap<string, Standing>> => {
    const pipeline = redis.pipeline()
    for (const marketId of marketIds) pipeline.hmget(quoteKey(marketId), 'state', 'applied')
    const reading = Promise.all([pipeline.exec(), readNewestEpochs(redis, marketIds)])
    const [answers, epochs] = await answered(reading)
    const standings = (answers ?? []).map(([error, fields], index): [string, Standing] => {
      if (error !== null) throw error
      const marketId = marketIds[index] ?? ''
      const [state, applied] = Array.isArray(fields) ? fields.map(String) : []
      return [
        marketId,
        { isLive: state === 'live', appliedTimesMs: timesOf(applied), epoch: epochs.get(marketId) ?? '' },
      ]
    })
    return new Map(standings)
  }

/** Reads which connection each market's book follows. @throws when Redis does not answer. */
export const createFollowedReader =
  (redis: Redis) =>
  async (marketIds: string[]): Promise<ReadonlyMap<string, string>> => {
    const pipeline = redis.pipeline()
    for (const marketId of marketIds) pipeline.hget(quoteKey(marketId), 'epoch')
    const answers = await answered(pipeline.exec())
    const epochs = (answers ?? []).map(([error, epoch], index): [string, string] => {
      if (error !== null) throw error
      return [marketIds[index] ?? '', typeof epoch === 'string' ? epoch : '']
    })
    return new Map(epochs)
  }

/** Makes a market that arrives this group's. */
export const createTakeOver =
  (redis: Redis, group: number) =>
  async (marketId: string, from: number): Promise<boolean> => {
    const given = [marketId, from, group, DESIRED_CHANNEL, REASSERT_CHANNEL]
    const taken = redis.eval(TAKE_OVER_SCRIPT, 2, FEED_GROUPS_KEY, FEED_MOVES_KEY, ...given)
    return (await answered(taken)) === 1
  }
