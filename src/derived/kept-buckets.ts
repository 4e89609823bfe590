import type { MetricBucket } from '../domain/metric.ts'
import { stateFromKept, stateToKept } from './book-state.ts'
import type { ClosedBucket, RestoredBucket } from './history.ts'
import { fromKept, toKept } from './layout.ts'
import type { BookState } from './metric.ts'
import { stepMs } from './windows.ts'

/** A closed bucket as it is stored. `ringSize`: how many of its step the windows reach. */
export const toBucket = (
  marketId: string,
  { level, index, slots }: ClosedBucket,
  { opening, ringSize }: { opening: BookState | undefined; ringSize: number },
): MetricBucket => ({
  marketId,
  stepMs: stepMs(level),
  startTimeMs: index * stepMs(level),
  slots: toKept(slots),
  opening: opening === undefined ? undefined : stateToKept(opening),
  usefulFromTimeMs: (index - ringSize) * stepMs(level),
})

/** Its number among those of its step, and what it held. */
export const toRestored = ({ startTimeMs, stepMs: step, slots, opening }: MetricBucket): [number, RestoredBucket] => [
  startTimeMs / step,
  { slots: fromKept(slots), opening: opening === undefined ? undefined : stateFromKept(opening) },
]
