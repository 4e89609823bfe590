import type { Frame } from '../domain/frame.ts'
import type { NewEntry } from '../stream/entry.ts'

/** Bytes of frames that Redis has not acknowledged, over all feeds of a process. */
export type Budget = { usedBytes: number; limitBytes: number }

/** One stream within one epoch. Ordinals are given when a frame is received, so what is dropped leaves a jump. */
export type Lane = {
  epoch: string
  stream: string
  nextOrdinal: number
  acknowledged: number
  waiting: Packed[]
  /** Whether the last of `waiting` may still take the next frame. */
  isOpen: boolean
  droppedCount: number
  watchers: { ordinal: number; resolve: () => void }[]
}

export type Packed = { lane: Lane; entry: NewEntry; sizeBytes: number }

/** Of a V8 string and its frame object: a bound on tiny frames too. */
const FRAME_OVERHEAD_BYTES = 128
const MAX_ENTRY_BYTES = 1024 * 1024
const MAX_ENTRY_FRAMES = 500

export const createLane = (epoch: string, stream: string): Lane => ({
  epoch,
  stream,
  nextOrdinal: 1,
  acknowledged: 0,
  waiting: [],
  isOpen: false,
  droppedCount: 0,
  watchers: [],
})

export const lastOrdinalOf = (entry: NewEntry): number => entry.firstOrdinal + entry.frames.length - 1

const entryFor = (lane: Lane, ordinal: number, sizeBytes: number): Packed => {
  const last = lane.isOpen ? lane.waiting.at(-1) : undefined
  const fits =
    last !== undefined && last.entry.frames.length < MAX_ENTRY_FRAMES && last.sizeBytes + sizeBytes <= MAX_ENTRY_BYTES
  if (fits) return last
  const entry = { stream: lane.stream, epoch: lane.epoch, firstOrdinal: ordinal, frames: [] }
  const packed = { lane, entry, sizeBytes: 0 }
  lane.waiting.push(packed)
  lane.isOpen = true
  return packed
}

export type Outbox = {
  /** False when the frame was dropped because the budget is spent; markers are few and always taken. */
  push(lane: Lane, frame: Frame): boolean
  /** Removes up to `maxBytes` of whole entries, in order within each lane. */
  take(maxBytes: number): Packed[]
  /** Gives bytes back to the budget: acknowledged, or given up. */
  free(sizeBytes: number): void
  /** Pushed and not freed yet. */
  usedBytes(): number
  isEmpty(): boolean
}

export const createOutbox = (budget: Budget): Outbox => {
  const dirty = new Set<Lane>()
  let usedBytes = 0
  const use = (sizeBytes: number): void => {
    usedBytes += sizeBytes
    budget.usedBytes += sizeBytes
  }
  return {
    push: (lane, frame) => {
      const sizeBytes = frame.text.length + FRAME_OVERHEAD_BYTES
      const ordinal = lane.nextOrdinal++
      if (frame.kind !== 'marker' && budget.usedBytes + sizeBytes > budget.limitBytes) {
        lane.droppedCount++
        lane.isOpen = false
        return false
      }
      const packed = entryFor(lane, ordinal, sizeBytes)
      packed.entry.frames.push(frame)
      packed.sizeBytes += sizeBytes
      use(sizeBytes)
      dirty.add(lane)
      return true
    },
    take: (maxBytes) => {
      const taken: Packed[] = []
      let bytes = 0
      for (const lane of dirty) {
        let count = 0
        for (; count < lane.waiting.length && bytes < maxBytes; count++) bytes += lane.waiting[count]?.sizeBytes ?? 0
        taken.push(...lane.waiting.splice(0, count))
        if (lane.waiting.length > 0) break
        lane.isOpen = false
        dirty.delete(lane)
      }
      return taken
    },
    free: (sizeBytes) => use(-sizeBytes),
    usedBytes: () => usedBytes,
    isEmpty: () => dirty.size === 0,
  }
}
