import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when the next request may go. One pace a process and host, shared by all that ask it. */
export type Pace = (signal?: AbortSignal) => Promise<void>

type Grant = { timeMs: number }

/**
 * Sliding window over the last `requests` grants: never more than `requests` within `periodMs`. One that came late, since the
 * process stood still, delays those that wait for it.
 */
export const createPace = ({ requests, periodMs }: { requests: number; periodMs: number }): Pace => {
  const grants: Grant[] = []
  return async (signal) => {
    const before = grants.length < requests ? undefined : grants.shift()
    const waitMs = (): number => (before === undefined ? 0 : before.timeMs + periodMs - performance.now())
    const grant = { timeMs: performance.now() + Math.max(0, waitMs()) }
    grants.push(grant)
    while (waitMs() > 0) await sleep(Math.ceil(waitMs()), undefined, signal === undefined ? {} : { signal })
    grant.timeMs = performance.now()
  }
}
