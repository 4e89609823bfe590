import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import {
  confirmedKey,
  DESIRED_CHANNEL,
  desiredKey,
  FEED_GROUPS_KEY,
  NEWS_KEY,
  quoteKey,
  REASSERT_CHANNEL,
} from '../domain/keys.ts'
import { BEING_STARTED, newsOf, type Observation } from '../domain/observation.ts'
import type { DesiredSubscription } from '../domain/subscription.ts'
import { toDesired } from '../feed/market.ts'
import { asBooksCome } from './book-arrivals.ts'
import type { MarketCard } from './catalogue.ts'
import { confirmationOf, observationOf } from './inspection.ts'
import { ENROL_SCRIPT } from './subscription-scripts.ts'

/** What stands in Redis for a market whose workflow is about to start; the workflow takes it over. */
export type Enrolled = { group: number; generation: number; observed: Observation | undefined }

export type Enrolment = {
  /**
   * Writes the desires of many markets at once and waits until their groups' feeds have sockets, though not for long: the
   * tasks of thousands of markets would stand before the feeds'. A market that has a desire already is left to its
   * workflow: not in the answer.
   */
  enrol(cards: MarketCard[]): Promise<Map<string, Enrolled>>
  /** A market that is live when its workflow starts needs no signal to say so: of many, those that are live come first. */
  asBooksCome(marketIds: string[]): AsyncIterable<string[]>
  /** With what the hot cache says by now; undefined where another pass has withdrawn it: its workflow applies its desire itself. */
  standing(marketId: string, enrolled: Enrolled): Promise<Enrolled | undefined>
  /** What its workflow was given at its start: nobody tells it that again. Undefined: it was not started, or given nothing. */
  noteStart(marketId: string, given: Observation | undefined): Promise<void>
  /** Has workflows write their desires again: Redis does not have them. */
  reassert(marketIds: string[]): Promise<void>
  /** Every market that has a place in a group. */
  enrolledIds(): Promise<string[]>
  /** The desire that stands, if there is one. */
  desireOf(marketId: string): Promise<DesiredSubscription | undefined>
}

type Deps = {
  redis: Redis
  marketsPerFeed: number
  /** Levels a side to keep of a new market; 0 = all. */
  bookDepth: number
  ensureFeed: (group: number) => Promise<void>
}

/** An entry is about 0.4 KB; Redis answers nobody else while a script runs. */
const MARKETS_A_CALL = 250
/** A workflow that discovery does not see yet has a younger generation: it outranks what is written here. */
const OLDER_MS = 10_000
const FEED_TIMEOUT_MS = 5_000
const FEED_POLL_MS = 100

type Enrolling = { generation: number; depth: number }

const textOf = ({ marketId, conditionId, tokens }: MarketCard, { generation, depth }: Enrolling): string => {
  const desired: DesiredSubscription = { marketId, conditionId, tokens, state: 'active', depth, generation }
  return JSON.stringify(desired)
}

const isConfirmed = async (redis: Redis, group: number, generation: number): Promise<boolean> => {
  const texts = await redis.hvals(confirmedKey(group))
  return texts.some((text) => confirmationOf(text)?.generation === generation)
}

/** One market a group is enough: its feed runs. */
const untilConfirmed = async (redis: Redis, groups: number[], generation: number): Promise<void> => {
  const deadlineMs = Date.now() + FEED_TIMEOUT_MS
  let waiting = groups
  while (waiting.length > 0 && Date.now() < deadlineMs) {
    await sleep(FEED_POLL_MS)
    const confirmed = await Promise.all(waiting.map((group) => isConfirmed(redis, group, generation)))
    waiting = waiting.filter((_, at) => confirmed[at] !== true)
  }
}

const findStanding = async (
  redis: Redis,
  marketId: string,
  { group, generation }: Enrolled,
): Promise<Enrolled | undefined> => {
  const [desired, quote] = await Promise.all([
    redis.hget(desiredKey(group), marketId),
    redis.hgetall(quoteKey(marketId)),
  ])
  const isStanding = desired !== null && toDesired(desired)?.generation === generation
  return isStanding ? { group, generation, observed: observationOf(marketId, quote) } : undefined
}

export const createEnrolment = ({ redis, marketsPerFeed, bookDepth: depth, ensureFeed }: Deps): Enrolment => {
  const write = async (cards: MarketCard[], generation: number): Promise<(readonly [string, Enrolled])[]> => {
    const pairs = cards.flatMap((card) => [card.marketId, textOf(card, { generation, depth })])
    const answer = await redis.eval(ENROL_SCRIPT, 1, FEED_GROUPS_KEY, marketsPerFeed, DESIRED_CHANNEL, ...pairs)
    const groups = Array.isArray(answer) ? answer.map(Number) : []
    return cards.flatMap(({ marketId }, at) => {
      const group = groups[at] ?? -1
      return group < 0 ? [] : [[marketId, { group, generation, observed: undefined }] as const]
    })
  }
  return {
    enrol: async (cards) => {
      const generation = Date.now() - OLDER_MS
      const enrolled = new Map<string, Enrolled>()
      for (let at = 0; at < cards.length; at += MARKETS_A_CALL) {
        for (const [marketId, one] of await write(cards.slice(at, at + MARKETS_A_CALL), generation)) {
          enrolled.set(marketId, one)
        }
      }
      if (enrolled.size > 0) {
        await redis.hset(NEWS_KEY, Object.fromEntries([...enrolled.keys()].map((id) => [id, BEING_STARTED])))
      }
      const groups = new Set([...enrolled.values()].map(({ group }) => group))
      await Promise.all([...groups].map(ensureFeed))
      await untilConfirmed(redis, [...groups], generation)
      return enrolled
    },
    asBooksCome: (marketIds) => asBooksCome(redis, marketIds),
    standing: (marketId, enrolled) => findStanding(redis, marketId, enrolled),
    noteStart: async (marketId, given) => {
      if (given === undefined) await redis.hdel(NEWS_KEY, marketId)
      else await redis.hset(NEWS_KEY, marketId, newsOf(given))
    },
    reassert: async (marketIds) => {
      const pipeline = redis.pipeline()
      for (const marketId of marketIds) pipeline.publish(REASSERT_CHANNEL, marketId)
      await pipeline.exec()
    },
    enrolledIds: () => redis.hkeys(FEED_GROUPS_KEY),
    desireOf: async (marketId) => {
      const group = await redis.hget(FEED_GROUPS_KEY, marketId)
      const text = group === null ? null : await redis.hget(desiredKey(Number(group)), marketId)
      return text === null ? undefined : toDesired(text)
    },
  }
}
