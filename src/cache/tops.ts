import type { Redis } from 'ioredis'
import { ladderKey, quoteKey } from '../domain/keys.ts'
import type { TopOfBook } from '../domain/mark.ts'

/** Outcomes of one transaction of Redis: both sides and the state are those of one moment, and nobody waits long. */
const OUTCOMES_AT_ONCE = 200

/** Market of an outcome: `<marketId>:<index>`. */
const marketOf = (outcomeId: string): string => outcomeId.slice(0, outcomeId.lastIndexOf(':'))

/** Members of a ladder are `<price>:<size>`. */
const priceOf = (members: unknown): string | undefined => {
  const [member]: unknown[] = Array.isArray(members) ? members : []
  return typeof member === 'string' ? member.slice(0, member.indexOf(':')) : undefined
}

const readSome = async (redis: Redis, outcomeIds: string[]): Promise<TopOfBook[]> => {
  const multi = redis.multi()
  for (const outcomeId of outcomeIds) {
    multi.hget(quoteKey(marketOf(outcomeId)), 'state')
    multi.zrange(ladderKey(outcomeId, 'bid'), '-1', '-1')
    multi.zrange(ladderKey(outcomeId, 'ask'), '0', '0')
  }
  const answers = (await multi.exec()) ?? []
  return outcomeIds.map((outcomeId, at) => {
    const [state, bids, asks] = answers.slice(at * 3, at * 3 + 3).map(([error, answer]) => {
      if (error !== null) throw error
      return answer
    })
    return {
      outcomeId,
      state: typeof state === 'string' ? state : undefined,
      bidText: priceOf(bids),
      askText: priceOf(asks),
    }
  })
}

/** Best prices of outcomes in the hot cache, each as of one moment. */
export const readTops = async (redis: Redis, outcomeIds: string[]): Promise<TopOfBook[]> => {
  const tops: TopOfBook[] = []
  for (let at = 0; at < outcomeIds.length; at += OUTCOMES_AT_ONCE)
    tops.push(...(await readSome(redis, outcomeIds.slice(at, at + OUTCOMES_AT_ONCE))))
  return tops
}
