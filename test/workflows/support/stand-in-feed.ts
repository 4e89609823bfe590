import { setTimeout as sleep } from 'node:timers/promises'
import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import { confirmedKey, desiredKey, EVERYTHING_CONFIRMED_KEY, EVERYTHING_KEY } from '../../../src/domain/keys.ts'
import type { DesiredSubscription } from '../../../src/domain/subscription.ts'

export type StandInFeed = {
  activities: { runFeed(input: { group: number; replica: string }): Promise<void>; runTrades(): Promise<void> }
  /** While false it subscribes to nothing and confirms nothing. */
  isAnswering: boolean
  starts: { group: number; replica: string }[]
}

/** A feed without a venue: confirms what it finds desired. */
export const createStandInFeed = (redis: Redis): StandInFeed => {
  const confirm = async (group: number): Promise<void> => {
    const desired = await redis.hgetall(desiredKey(group))
    for (const [marketId, text] of Object.entries(desired)) {
      const { generation, state } = JSON.parse(text) as DesiredSubscription
      const known = JSON.parse((await redis.hget(confirmedKey(group), marketId)) ?? '{}') as { generation?: number }
      if (known.generation === generation) continue
      const confirmed = { generation, state, confirmedTimeMs: Date.now() }
      await redis.hset(confirmedKey(group), marketId, JSON.stringify(confirmed))
    }
  }
  const follow = async (group: number): Promise<void> => {
    const generation = Number((await redis.get(EVERYTHING_KEY))?.split(' ')[1] ?? 0)
    const report = { generation, markets: 1, tokens: 2, confirmedTimeMs: Date.now() }
    await redis.hset(EVERYTHING_CONFIRMED_KEY, group, JSON.stringify(report))
  }
  const feed: StandInFeed = {
    isAnswering: true,
    starts: [],
    activities: {
      runFeed: async (input) => {
        feed.starts.push(input)
        const signal = cancellationSignal()
        while (!signal.aborted) {
          heartbeat()
          if (feed.isAnswering) await confirm(input.group)
          if (feed.isAnswering) await follow(input.group)
          await sleep(20)
        }
      },
      /** Without a Data API there is nothing to poll. */
      runTrades: async () => {
        const signal = cancellationSignal()
        while (!signal.aborted) {
          heartbeat()
          await sleep(100)
        }
      },
    },
  }
  return feed
}
