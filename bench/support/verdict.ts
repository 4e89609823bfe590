/** What a step of a search saw of a rate. */
export type Step = {
  rate: number
  /** Frames a second that the feed took. */
  offered: number
  /** Growth of what the feed has and the normalizer has not, in frames a second. */
  backlogSlope: number
  gaps: number
  verified: number
  unproved: number
  shed: number
  cacheP99Ms: number | undefined
}

/** Frames that came: less, and the emulator or the feed is the limit. */
const LEAST_OFFERED = 0.97
/** Figures of two processes are published once a second each: a flat backlog looks as steep as this within 15 s. */
const MOST_GROWTH = 0.05
const MOST_SHED = 0.01
const MOST_CACHE_P99_MS = 3_000

/** Why a rate does not hold; none where it does. */
export const whyNot = (step: Step): string[] => {
  const { rate, offered, backlogSlope, gaps, verified, unproved, shed, cacheP99Ms = Infinity } = step
  const checks = verified + unproved + shed
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const reasons: [boolean, string][] = [
    [offered < rate * LEAST_OFFERED, `only ${offered.toFixed(0)} frames/s came`],
    [backlogSlope > rate * MOST_GROWTH, `the backlog grows by ${backlogSlope.toFixed(0)} frames/s`],
    [gaps > 0, `${gaps} gaps`],
    [unproved > 0, `${unproved} batches were not proved`],
    [verified === 0, 'nothing was proved'],
    [shed > checks * MOST_SHED, `${percent(shed / Math.max(1, checks))} of the checks were shed`],
    [cacheP99Ms > MOST_CACHE_P99_MS, `cache p99 ${cacheP99Ms} ms`],
  ]
  return reasons.flatMap(([isTrue, reason]) => (isTrue ? [reason] : []))
}
