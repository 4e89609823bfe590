import type { Frame } from '../domain/frame.ts'

/** 2020-01-01: before the venue's first market. */
const EARLIEST_TIME_MS = 1_577_836_800_000
const DAY_MS = 86_400_000

/** A time from the future would make every later book look stale; one out of Postgres's range would end the commits. */
export const isPossibleTime = ({ exchangeTimeMs }: { exchangeTimeMs: number }, frame: Frame): boolean =>
  exchangeTimeMs >= EARLIEST_TIME_MS && exchangeTimeMs <= (frame.sourceReceivedTimeMs ?? frame.receivedTimeMs) + DAY_MS
