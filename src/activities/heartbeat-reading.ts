import type { Redis } from 'ioredis'
import { parseHeartbeat } from '../domain/heartbeat.ts'
import { desiredKey, FEED_GROUPS_KEY, HEARTBEATS_KEY, HEARTBEATS_SINCE_KEY } from '../domain/keys.ts'
import { shardOf } from '../domain/market.ts'
import { toDesired } from '../feed/market.ts'
import { READ_SCRIPT } from '../heartbeats/scripts.ts'
import type { Problem, Report, Reports } from '../heartbeats/silence.ts'
import { within } from '../lib/every.ts'
import { createRedisScript } from '../lib/redis-script.ts'

export type Read = Reports & { groups: Set<number> }

/** Checks come every 15 s; after a pause of six the watch begins anew. */
const PAUSED_MS = 90_000
const ANSWER_TIMEOUT_MS = 4_000
const readScript = createRedisScript(READ_SCRIPT)
const LATE = 'Redis did not answer within 4 s'

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

const toReport = (value: string): Report => {
  const [stamped = ''] = value.split(' ', 1)
  return { ...parseHeartbeat(value.slice(stamped.length + 1)), stampedTimeMs: Number(stamped) || 0 }
}

const toBySubject = (pairs: string[]): Map<string, Report> => {
  const bySubject = new Map<string, Report>()
  for (let at = 0; at < pairs.length; at += 2) bySubject.set(pairs[at] ?? '', toReport(pairs[at + 1] ?? ''))
  return bySubject
}

/** All that was reported, in one call. @throws when Redis does not answer. */
export const readReports = async (redis: Redis): Promise<Read> => {
  const keys = [HEARTBEATS_KEY, HEARTBEATS_SINCE_KEY, FEED_GROUPS_KEY]
  const answer = await within(readScript(redis, keys, [PAUSED_MS]), ANSWER_TIMEOUT_MS, LATE)
  const [now, since, pairs, groups]: unknown[] = Array.isArray(answer) ? answer : []
  if (!isTexts(pairs) || !isTexts(groups)) throw new Error('Redis gave no heartbeats')
  return {
    nowMs: Number(now),
    sinceTimeMs: Number(since),
    bySubject: toBySubject(pairs),
    groups: new Set(groups.map(Number)),
  }
}

/** From now on these are missed when they do not report. */
export const noteExpected = async (redis: Redis, subjects: string[], nowMs: number): Promise<void> => {
  const pipeline = redis.pipeline()
  for (const subject of subjects) pipeline.hsetnx(HEARTBEATS_KEY, subject, `${nowMs} {}`)
  if (subjects.length > 0) await within(pipeline.exec(), ANSWER_TIMEOUT_MS, LATE)
}

export const forgetReports = async (redis: Redis, subjects: string[]): Promise<void> => {
  if (subjects.length > 0) await within(redis.hdel(HEARTBEATS_KEY, ...subjects), ANSWER_TIMEOUT_MS, LATE)
}

const readActive = async (redis: Redis, group: number): Promise<string[]> => {
  const texts = await within(redis.hvals(desiredKey(group)), ANSWER_TIMEOUT_MS, LATE)
  return texts.flatMap((text) => {
    const desired = toDesired(text)
    return desired?.state === 'active' ? [desired.marketId] : []
  })
}

type Place = { redis: Redis; groups: ReadonlySet<number>; shardCount: number }

const concernedBy = async ({ concerned }: Problem, { redis, groups, shardCount }: Place): Promise<string[]> => {
  switch (concerned.type) {
    case 'nobody':
      return []
    case 'markets':
      return concerned.marketIds
    case 'group':
      return readActive(redis, concerned.group)
    case 'shard': {
      const all = await Promise.all([...groups].map((group) => readActive(redis, group)))
      return all.flat().filter((marketId) => shardOf(marketId, shardCount) === concerned.shard)
    }
  }
}

/** Subject -> its markets; those that are paused or stopped are nobody's concern. */
export const readConcerned = async (problems: Iterable<Problem>, place: Place): Promise<Map<string, string[]>> => {
  const marketsOf = new Map<string, string[]>()
  for (const problem of problems) marketsOf.set(problem.subject, await concernedBy(problem, place))
  return marketsOf
}
