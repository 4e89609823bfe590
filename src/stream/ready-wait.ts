import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { within } from '../lib/every.ts'
import { PASSING_STATES } from '../lib/redis-states.ts'

/** Names of streams that one answer holds at most. */
export const READY_AT_ONCE = 1_000

export type ReadyDeps = {
  redis: Redis
  /** A connection of its own: it waits in BZMPOP (Redis 7). */
  blocking: Redis
  key: string
  /** Called once, where the server does not let a command wait: from then on the set is polled. */
  onBlockRefused: (reason: string) => void
}

/** Nobody ever adds to it. */
const PROBE_KEY = 'probe:block'
const PROBE_SECONDS = 0.01
const PROBE_ANSWER_MS = 5_000
const NO_ANSWER = `no answer to a BZMPOP of ${PROBE_SECONDS * 1_000} ms within ${PROBE_ANSWER_MS / 1_000} s`

/** These tell of the server's state and not of what it allows. */
const PASSING = new RegExp(`^(${PASSING_STATES}|BUSY|CLUSTERDOWN|TRYAGAIN|NOAUTH|WRONGPASS)\\b`)

/** Why commands must not wait on this connection; undefined where they may. @throws the client's errors */
export const blockRefusal = async (blocking: Redis): Promise<string | undefined> => {
  try {
    await within(blocking.bzmpop(PROBE_SECONDS, 1, PROBE_KEY, 'MIN'), PROBE_ANSWER_MS, NO_ANSWER)
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const isSilent = error.message === NO_ANSWER && blocking.status === 'ready'
    const isRefused = error.name === 'ReplyError' && !PASSING.test(error.message)
    if (isSilent || isRefused) return error.message
    throw error
  }
}

export const popReady = async (redis: Redis, key: string): Promise<string[]> => {
  const popped = await redis.zpopmin(key, READY_AT_ONCE)
  return popped.filter((_, index) => index % 2 === 0)
}

/** Of `[key, [[member, score], …]]`; null at the time-out. */
const membersOf = (reply: unknown): string[] => {
  const elements: unknown = Array.isArray(reply) ? reply[1] : undefined
  if (!Array.isArray(elements)) return []
  return elements.flatMap((element: unknown) => (Array.isArray(element) ? [String(element[0])] : []))
}

const SHORTEST_POLL_MS = 5
const LONGEST_POLL_MS = 250

/** A quarter of the quiet so far: what ends a quiet is late by at most a quarter of it, and polls become few. */
export const pollDelayMs = (quietMs: number): number =>
  Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, quietMs / 4))

const createPoll = ({ redis, key }: Pick<ReadyDeps, 'redis' | 'key'>) => {
  let newsTimeMs = Date.now()
  return async (timeoutMs: number): Promise<string[]> => {
    const endTimeMs = Date.now() + timeoutMs
    for (let nowMs = Date.now(); nowMs < endTimeMs; nowMs = Date.now()) {
      const names = await popReady(redis, key)
      if (names.length > 0) newsTimeMs = Date.now()
      if (names.length > 0) return names
      await sleep(Math.min(endTimeMs - nowMs, pollDelayMs(nowMs - newsTimeMs)))
    }
    // The next wait begins with a poll.
    return []
  }
}

/**
 * Waits until a stream is noted as ready, or the time is over. The first call asks whether the server lets a command
 * wait; one that does not (a proxy, an ACL, a renamed command) is polled.
 */
export const createReadyWait = ({ redis, blocking, key, onBlockRefused }: ReadyDeps) => {
  const poll = createPoll({ redis, key })
  const block = async (timeoutMs: number): Promise<string[]> =>
    membersOf(await blocking.bzmpop(timeoutMs / 1_000, 1, key, 'MIN', 'COUNT', READY_AT_ONCE))
  let wait: typeof poll | undefined
  const choose = async (): Promise<typeof poll> => {
    const reason = await blockRefusal(blocking)
    if (reason === undefined) return block
    onBlockRefused(reason)
    return poll
  }
  return async (timeoutSeconds: number): Promise<string[]> => {
    wait ??= await choose()
    return wait(timeoutSeconds * 1_000)
  }
}
