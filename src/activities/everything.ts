import { setTimeout as sleep } from 'node:timers/promises'
import { ApplicationFailure, cancellationSignal } from '@temporalio/activity'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { EVERYTHING_CONFIRMED_KEY, EVERYTHING_KEY, FEED_GROUPS_KEY } from '../domain/keys.ts'
import { toEverything, type Everything } from '../domain/switch.ts'
import { turnSwitch } from '../store/switches.ts'
import { publishSwitch } from './everything-copy.ts'

/** What an operator reads: `effectiveMs` is from the turn of the switch to the last feed's confirmation. */
export type EverythingAnswer = {
  state: Everything['state']
  feeds: number
  /** Markets whose frames were stopped, or are coming; without those that an operator paused by hand. */
  markets: number
  tokens: number
  effectiveMs: number
}

/** Field of the hash `switch:everything:confirmed`, one a feed group. */
export type FeedReport = { generation: number; markets: number; tokens: number; confirmedTimeMs: number }

type Turn = Everything & { turnedTimeMs: number }
type Deps = { redis: Redis; pool: pg.Pool; confirmWithinMs: number }

const CONFIRM_POLL_MS = 25

const toReport = (text: string | null | undefined): FeedReport | undefined => {
  const found: unknown = JSON.parse(text ?? 'null')
  if (typeof found !== 'object' || found === null) return undefined
  if (!('generation' in found && 'markets' in found && 'tokens' in found && 'confirmedTimeMs' in found))
    return undefined
  const { generation, markets, tokens, confirmedTimeMs } = found
  return {
    generation: Number(generation),
    markets: Number(markets),
    tokens: Number(tokens),
    confirmedTimeMs: Number(confirmedTimeMs),
  }
}

const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0)

const toAnswer = (reports: FeedReport[], { state, turnedTimeMs }: Turn): EverythingAnswer => ({
  state,
  feeds: reports.length,
  markets: sum(reports.map(({ markets }) => markets)),
  tokens: sum(reports.map(({ tokens }) => tokens)),
  effectiveMs: Math.max(0, ...reports.map(({ confirmedTimeMs }) => confirmedTimeMs - turnedTimeMs)),
})

export type EverythingActivities = ReturnType<typeof createEverythingActivities>

export const createEverythingActivities = ({ redis, pool, confirmWithinMs }: Deps) => ({
  /** Turns the switch: in Postgres, which remembers it, then in Redis, where the feeds see it at once. */
  turnEverything: async ({ state }: { state: Everything['state'] }): Promise<Turn> => {
    const turnedTimeMs = Date.now()
    const turned = await turnSwitch(pool, state)
    await publishSwitch(redis, turned)
    return { ...turned, turnedTimeMs }
  },

  /**
   * Waits until every feed that has markets says that all of them are as the switch wants.
   *
   * @throws ApplicationFailure `Unconfirmed` after that time, `Superseded` where it was turned again; not retried.
   */
  confirmEverything: async (turn: Turn): Promise<EverythingAnswer> => {
    const deadlineMs = Date.now() + confirmWithinMs
    let missing: string[] = []
    while (Date.now() < deadlineMs) {
      const [groups, reports, copy] = await Promise.all([
        redis.hvals(FEED_GROUPS_KEY).then((values) => [...new Set(values)]),
        redis.hgetall(EVERYTHING_CONFIRMED_KEY),
        redis.get(EVERYTHING_KEY),
      ])
      if ((toEverything(copy)?.generation ?? 0) > turn.generation) {
        throw ApplicationFailure.nonRetryable(
          `${turn.state} was superseded by another turn of the switch`,
          'Superseded',
        )
      }
      const found = groups.map((group) => ({ group, report: toReport(reports[group]) }))
      const told = found.flatMap(({ report }) => (report?.generation === turn.generation ? [report] : []))
      if (told.length === groups.length) return toAnswer(told, turn)
      missing = found.filter(({ report }) => report?.generation !== turn.generation).map(({ group }) => group)
      await sleep(CONFIRM_POLL_MS, undefined, { signal: cancellationSignal() })
    }
    const some = missing.slice(0, 10).join(', ')
    const message = `everything is switched to ${turn.state}, but ${missing.length} feed groups have not confirmed it within ${confirmWithinMs / 1_000} s (${some}); they follow when they can`
    throw ApplicationFailure.nonRetryable(message, 'Unconfirmed')
  },
})
