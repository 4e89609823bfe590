import { ok, warn, type Verdict } from './finding.ts'

/** The middle one; 0 of none. */
export const medianOf = (values: number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0

export const msText = (ms: number): string => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`)

export const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`

/** How long each of several calls took, one after the other. */
export const timed = async (count: number, call: () => Promise<unknown>): Promise<number[]> => {
  const times: number[] = []
  for (let at = 0; at < count; at++) {
    const startedMs = performance.now()
    await call()
    times.push(performance.now() - startedMs)
  }
  return times
}

const LOCAL_HOST = /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[?::1\]?$|\[?f[cd])/

/** Of this machine, or of a network that nobody else is in. */
export const isPrivateHost = (host: string): boolean => LOCAL_HOST.test(host) || !/[.:]/.test(host)

/** Each frame takes several: venue → cache in 8 ms leaves no room for more. */
const SLOW_MS = 5

/** The shortest is what the way costs; the middle one says how busy both ends are. */
export const roundTripVerdict = (where: string, host: string, times: number[]): Verdict => {
  const bestMs = Math.min(...times)
  const found = `${where}, round trip ${msText(bestMs)} at best, ${msText(medianOf(times))} mostly`
  if (bestMs <= SLOW_MS) return ok(found)
  const remedy = isPrivateHost(host) ? 'this machine is busy: end what else runs on it' : 'run polytape in its region'
  return warn(found, `${remedy}. Every frame takes several round trips`)
}
