import { toMillionths } from '../domain/decimal.ts'
import type { Market } from '../domain/market.ts'

/** Ten digits before the point and below would overflow `numeric(10, 4)`. */
const HIGHEST_FEE_BPS = 999_999
const YEAR_10000_MS = 253_402_300_800_000

/** An index entry of Postgres holds at most 2,704 bytes. */
const LONGEST_KEY = 500

/** Why Postgres would refuse a market, so that one absurd object cannot end the commits of all; undefined where it fits. */
export const whyNotStorable = ({
  slug,
  tickSize,
  minOrderSize,
  feeBps,
  endTimeMs,
  outcomes,
  resolution,
}: Market): string | undefined => {
  if (toMillionths(tickSize) === undefined) return `tick size "${tickSize}" is no decimal of six places`
  if (toMillionths(minOrderSize) === undefined)
    return `minimal order size "${minOrderSize}" is no decimal of six places`
  if (feeBps !== undefined && !(Math.abs(feeBps) <= HIGHEST_FEE_BPS)) return `fee of ${feeBps} base points`
  if (endTimeMs !== undefined && !(Math.abs(endTimeMs) < YEAR_10000_MS)) return `end time ${endTimeMs}`
  const resolvedTimeMs = resolution?.resolvedTimeMs ?? 0
  if (!(Math.abs(resolvedTimeMs) < YEAR_10000_MS)) return `time of resolution ${resolvedTimeMs}`
  const keys = [slug, ...outcomes.map((outcome) => outcome.token)]
  if (keys.some((key) => key.length > LONGEST_KEY)) return `a slug or token of more than ${LONGEST_KEY} characters`
  const tokens = new Set(outcomes.map((outcome) => outcome.token))
  return tokens.size === outcomes.length ? undefined : 'a token is named twice'
}
