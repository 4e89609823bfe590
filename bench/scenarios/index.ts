import type { Scenario } from '../support/scenario.ts'
import { archive } from './archive.ts'
import { bookAt } from './book-at.ts'
import { latency1000, latency5000 } from './latency.ts'
import { recovery } from './recovery.ts'
import { redisCalls } from './redis-calls.ts'
import { start2000, start50 } from './start.ts'
import { throughput } from './throughput.ts'

/** In the order in which they run; `parts` comes before them. */
export const SCENARIOS: readonly Scenario[] = [
  latency1000,
  latency5000,
  throughput,
  redisCalls,
  start50,
  start2000,
  archive,
  bookAt,
  recovery,
]
