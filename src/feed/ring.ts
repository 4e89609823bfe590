import type { NewEntry } from '../stream/entry.ts'
import { lastOrdinalOf, type Lane, type Packed } from './outbox.ts'

/** `before`: ordinal of the lane that was acknowledged before this entry. */
type Kept = { packed: Packed; before: number; acknowledgedTimeMs: number }

export type Ring = {
  keep(packed: Packed, before: number, nowMs: number): void
  /** Entries of the epoch that Redis does not have any more, and lanes for which the ring does not reach back far enough. */
  missing(lanes: Iterable<Lane>, appended: ReadonlyMap<string, number>): { entries: NewEntry[]; lost: Lane[] }
  expire(nowMs: number): void
  sizeBytes(): number
}

/**
 * `appendfsync everysec` may lose a second of acknowledged writes, two when a sync is slow. The file is a prefix of what
 * was written, so appending the last three seconds again through the idempotent script fills in exactly what is missing.
 */
const KEEP_MS = 3_000

/** Each flush expires some entries of some thousands: what is left is not copied for so few. */
const GONE_AT_ONCE = 256

export const createRing = (limitBytes: number): Ring => {
  let kept: (Kept | undefined)[] = []
  /** So many at the beginning are gone. */
  let gone = 0
  let bytes = 0
  const expire = (nowMs: number): void => {
    for (let oldest = kept[gone]; oldest !== undefined; oldest = kept[gone]) {
      if (oldest.acknowledgedTimeMs > nowMs - KEEP_MS && bytes <= limitBytes) break
      bytes -= oldest.packed.sizeBytes
      kept[gone++] = undefined
    }
    if (gone < GONE_AT_ONCE) return
    kept = kept.slice(gone)
    gone = 0
  }
  return {
    keep: (packed, before, nowMs) => {
      kept.push({ packed, before, acknowledgedTimeMs: nowMs })
      bytes += packed.sizeBytes
    },
    missing: (lanes, appended) => {
      const entries: NewEntry[] = []
      const lost: Lane[] = []
      const standing = kept.filter((one) => one !== undefined)
      for (const lane of lanes) {
        const last = appended.get(lane.stream) ?? 0
        if (lane.acknowledged <= last) continue
        const again = standing.filter(({ packed }) => packed.lane === lane && lastOrdinalOf(packed.entry) > last)
        const first = again[0]
        if (first === undefined || first.before > last) lost.push(lane)
        for (const { packed } of again) entries.push(packed.entry)
      }
      return { entries, lost }
    },
    expire,
    sizeBytes: () => bytes,
  }
}
