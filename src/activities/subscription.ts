import { setTimeout as sleep } from 'node:timers/promises'
import { ApplicationFailure, cancellationSignal } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import {
  confirmedKey,
  DESIRED_CHANNEL,
  EVERYTHING_KEY,
  FEED_GROUPS_KEY,
  FEED_MOVES_KEY,
  quoteKey,
} from '../domain/keys.ts'
import type { DesiredState } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import type { DesiredSubscription } from '../domain/subscription.ts'
import { toEverything } from '../domain/switch.ts'
import { confirmationOf, observationOf, type Confirmed } from './inspection.ts'
import { APPLY_SCRIPT, FORGET_SCRIPT } from './subscription-scripts.ts'

export type SubscriptionDeps = {
  redis: Redis
  marketsPerFeed: number
  /** Levels a side to keep of a market of which nobody says how many; 0 = all. */
  bookDepth: number
  /** Makes sure that the workflow `feed:<group>:a` runs. */
  ensureFeed: (group: number) => Promise<void>
}

/** What a workflow wants; an undefined depth is the default. */
export type Wanted = Omit<DesiredSubscription, 'depth'> & { depth: number | undefined }

type Awaiting = { marketId: string; group: number; generation: number; state: DesiredState }
/** `isHeld`: the feed knows the desire and holds the market back, since everything is paused. */
export type Confirmation = { confirmedTimeMs: number; isHeld: boolean }

const isHeldBack = (found: Confirmed, { generation, state }: Awaiting): boolean =>
  state === 'active' && found.state === 'paused' && found.generation >= generation
const isConfirmation = (found: Confirmed, { generation, state }: Awaiting): boolean =>
  found.generation > generation || (found.generation === generation && found.state === state)

/** The venue acknowledges nothing; the feed reports once a PONG came back to a PING sent after the frame. */
const CONFIRM_TIMEOUT_MS = 10_000
const CONFIRM_POLL_MS = [10, 20, 40, 80, 150]

export type SubscriptionActivities = ReturnType<typeof createSubscriptionActivities>

const createAnswer =
  (redis: Redis) =>
  async (awaiting: Awaiting): Promise<Confirmation | undefined> => {
    const { marketId, group } = awaiting
    // It may have been moved since it was applied.
    const standing = Number((await redis.hget(FEED_GROUPS_KEY, marketId)) ?? group)
    const found = confirmationOf(await redis.hget(confirmedKey(standing), marketId))
    if (found === undefined) return undefined
    const { confirmedTimeMs } = found
    const isHeld = isHeldBack(found, awaiting) && toEverything(await redis.get(EVERYTHING_KEY))?.state === 'paused'
    return isHeld || isConfirmation(found, awaiting) ? { confirmedTimeMs, isHeld } : undefined
  }

export const createSubscriptionActivities = ({ redis, marketsPerFeed, bookDepth, ensureFeed }: SubscriptionDeps) => ({
  /**
   * Writes the desire for the market's feed group and makes sure that the group has a feed. Returns the depth in force.
   *
   * @throws ApplicationFailure `Forgotten` where a newer desire has left already; retried, though nobody may wait for it.
   */
  applySubscription: async (
    wanted: Wanted,
  ): Promise<{ group: number; depth: number; observed: Observation | undefined }> => {
    const { marketId, generation } = wanted
    const depth = wanted.depth ?? bookDepth
    const desired: DesiredSubscription = { ...wanted, depth }
    const given = [marketId, marketsPerFeed, generation, JSON.stringify(desired), DESIRED_CHANNEL]
    const group = Number(await redis.eval(APPLY_SCRIPT, 2, FEED_GROUPS_KEY, FEED_MOVES_KEY, ...given))
    if (group < 0) {
      const message = `market ${marketId} has left since generation ${generation} was asked for: nothing is written`
      throw ApplicationFailure.retryable(message, 'Forgotten')
    }
    await ensureFeed(group)
    return { group, depth, observed: observationOf(marketId, await redis.hgetall(quoteKey(marketId))) }
  },

  /**
   * Waits until the feed has reported this generation or a newer one; that an active one is held back is an answer too.
   *
   * @throws ApplicationFailure `Unconfirmed` after 10 s; retried.
   */
  confirmSubscription: async (awaiting: Awaiting): Promise<Confirmation> => {
    const { marketId, group, state } = awaiting
    const answerOf = createAnswer(redis)
    const deadlineMs = Date.now() + CONFIRM_TIMEOUT_MS
    for (let asked = 0; Date.now() < deadlineMs; asked++) {
      const answer = await answerOf(awaiting)
      if (answer !== undefined) return answer
      await sleep(CONFIRM_POLL_MS[asked] ?? 200, undefined, { signal: cancellationSignal() })
    }
    const message = `feed group ${group} has not confirmed ${state} of market ${marketId} within 10 s; does feed:${group}:a run?`
    throw ApplicationFailure.retryable(message, 'Unconfirmed')
  },

  /** Takes a market that has left out of the hashes, once the feed has confirmed it. */
  forgetSubscription: async ({ marketId, group, generation }: Omit<Awaiting, 'state'>): Promise<void> => {
    await redis.eval(FORGET_SCRIPT, 1, FEED_GROUPS_KEY, marketId, generation, group)
  },
})
