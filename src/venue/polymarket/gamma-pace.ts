import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when the next request may go. One pace a process and host, shared by all that ask it. */
export type Pace = (signal?: AbortSignal) => Promise<void>

/** Sliding window over the last `requests` grants: never more than `requests` within `periodMs`. */
export const createPace = ({ requests, periodMs }: { requests: number; periodMs: number }): Pace => {
  const grantedTimesMs: number[] = []
  return async (signal) => {
    const now = performance.now()
    const first = grantedTimesMs.length < requests ? undefined : grantedTimesMs.shift()
    const grantTimeMs = first === undefined ? now : Math.max(now, first + periodMs)
    grantedTimesMs.push(grantTimeMs)
    if (grantTimeMs > now) await sleep(grantTimeMs - now, undefined, signal === undefined ? {} : { signal })
  }
}
