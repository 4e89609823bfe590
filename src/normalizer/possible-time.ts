import { AHEAD_MS, clockOf, type Frame } from '../domain/frame.ts'

/** 2020-01-01: before the venue's first market. */
const EARLIEST_TIME_MS = 1_577_836_800_000
const DAY_MS = 86_400_000

/** Further ahead than this no time is believed at all; one out of Postgres's range would end the commits. */
export const isPossibleTime = ({ exchangeTimeMs }: { exchangeTimeMs: number }, frame: Frame): boolean =>
  exchangeTimeMs >= EARLIEST_TIME_MS && exchangeTimeMs <= clockOf(frame) + DAY_MS

/** It may be of the future: see `disownFuture`. */
export const isAhead = (exchangeTimeMs: number, frame: Frame): boolean => exchangeTimeMs - clockOf(frame) > AHEAD_MS
