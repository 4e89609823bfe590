import type { BatchVerdict } from './proof-state.ts'
import { NO_HOUR, type HourProgress } from '../domain/progress.ts'

const HOUR_MS = 3_600_000

/** Counts what was recorded of a market hour by hour, by receive time: `coverage` then needs no scan of the rows. */
export class HourTally {
  #hour: HourProgress = { ...NO_HOUR }

  get hour(): HourProgress {
    return { ...this.#hour }
  }

  restore(hour: HourProgress): void {
    this.#hour = { ...hour }
  }

  /** A frame was received. Returns the hour that it ends, if any. The clock may step back: an hour is not begun again. */
  countFrame(receivedTimeMs: number): HourProgress | undefined {
    const startTimeMs = Math.floor(receivedTimeMs / HOUR_MS) * HOUR_MS
    const ended = startTimeMs > this.#hour.startTimeMs ? this.#hour : undefined
    if (ended !== undefined) this.#hour = { ...NO_HOUR, startTimeMs }
    this.#hour.events += 1
    return ended === undefined || ended.events === 0 ? undefined : ended
  }

  /** What was shed was not verified either. */
  countBatch(verdict: BatchVerdict): void {
    if (verdict === 'verified') this.#hour.verified += 1
    else if (verdict === 'mismatch') this.#hour.mismatched += 1
    else this.#hour.unverifiable += 1
  }
}
