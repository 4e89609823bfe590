import type { Frame } from '../domain/frame.ts'
import { createLane, createOutbox, lastOrdinalOf, type Budget, type Lane, type Packed } from './outbox.ts'
import { createRing } from './ring.ts'

/** Frames of one connection. */
export type EpochLog = {
  epoch: string
  /** Under which frames of the stream go out. */
  epochOf(stream: string): string
  /** False when the frame was dropped: the buffer is full. */
  push(stream: string, frame: Frame): boolean
  /** Resolves when Redis has acknowledged all that was pushed to the stream so far. */
  flushed(stream: string): Promise<void>
  /** No frame follows: forgotten when Redis has all. */
  close(): void
}

export type Epoch = { log: EpochLog; lanes: Map<string, Lane>; closedTimeMs: number | undefined }

/** An epoch outlives its connection for as long as the ring may have to append its frames again. */
const KEEP_CLOSED_MS = 5_000
const RING_BYTES = 32 * 1024 * 1024

const laneOf = (lanes: Map<string, Lane>, epoch: string, stream: string): Lane => {
  const found = lanes.get(stream)
  if (found !== undefined) return found
  const lane = createLane(epoch, stream)
  lanes.set(stream, lane)
  return lane
}

const flushed = (lane: Lane): Promise<void> => {
  const ordinal = lane.nextOrdinal - 1
  if (lane.acknowledged >= ordinal) return Promise.resolve()
  return new Promise((resolve) => lane.watchers.push({ ordinal, resolve }))
}

const tellWatchers = (lane: Lane): void => {
  if (lane.watchers.length === 0) return
  const reached = lane.watchers.filter(({ ordinal }) => ordinal <= lane.acknowledged)
  lane.watchers = lane.watchers.filter(({ ordinal }) => ordinal > lane.acknowledged)
  for (const { resolve } of reached) resolve()
}

const createEpochEntry = (epoch: string, push: (lane: Lane, frame: Frame) => boolean): Epoch => {
  const lanes = new Map<string, Lane>()
  const log: EpochLog = {
    epoch,
    epochOf: () => epoch,
    push: (stream, frame) => push(laneOf(lanes, epoch, stream), frame),
    flushed: (stream) => flushed(laneOf(lanes, epoch, stream)),
    close: () => {
      opened.closedTimeMs ??= Date.now()
    },
  }
  const opened: Epoch = { log, lanes, closedTimeMs: undefined }
  return opened
}

type Dropped = { log: EpochLog; stream: string; count: number }

const tallyOf = (lane: Lane, log: EpochLog | undefined): Dropped[] => {
  const count = lane.droppedCount
  lane.droppedCount = 0
  return log === undefined ? [] : [{ log, stream: lane.stream, count }]
}

export type Epochs = ReturnType<typeof createEpochs>

/** Everything that waits for Redis or was just acknowledged, by epoch and stream. */
export const createEpochs = ({ budget, pushed }: { budget: Budget; pushed: () => void }) => {
  const epochs = new Map<string, Epoch>()
  const outbox = createOutbox(budget)
  const ring = createRing(RING_BYTES)
  const dropped = new Set<Lane>()
  const open = (epoch: string): EpochLog => {
    const opened = createEpochEntry(epoch, (lane, frame) => {
      const isTaken = outbox.push(lane, frame)
      if (!isTaken) dropped.add(lane)
      pushed()
      return isTaken
    })
    epochs.set(epoch, opened)
    return opened.log
  }
  const acknowledge = (packed: Packed, nowMs: number): void => {
    ring.keep(packed, packed.lane.acknowledged, nowMs)
    packed.lane.acknowledged = lastOrdinalOf(packed.entry)
    outbox.free(packed.sizeBytes)
    tellWatchers(packed.lane)
  }
  /** Redis will never take it: nothing waits for it any more, but nobody is told that it is there. */
  const giveUp = (packed: Packed): void => {
    packed.lane.acknowledged = lastOrdinalOf(packed.entry)
    outbox.free(packed.sizeBytes)
  }
  /** Takes the answer of Redis to a flush, given the streams of which it refused entries. */
  const settle = (flushed: Packed[], refused: ReadonlySet<string>): void => {
    const nowMs = Date.now()
    for (const packed of flushed) {
      if (refused.has(packed.entry.stream)) giveUp(packed)
      else acknowledge(packed, nowMs)
    }
  }
  const expire = (nowMs: number): void => {
    ring.expire(nowMs)
    if (!outbox.isEmpty() || dropped.size > 0) return
    for (const [name, { closedTimeMs }] of epochs) {
      if (closedTimeMs !== undefined && closedTimeMs < nowMs - KEEP_CLOSED_MS) epochs.delete(name)
    }
  }
  /** Streams where frames were dropped, with their number, once at most half of the budget is used. */
  const takeDropped = (): Dropped[] => {
    if (dropped.size === 0 || budget.usedBytes > budget.limitBytes / 2) return []
    const lanes = [...dropped]
    dropped.clear()
    return lanes.flatMap((lane) => tallyOf(lane, epochs.get(lane.epoch)?.log))
  }
  return { open, settle, takeDropped, expire, outbox, ring, all: (): Epoch[] => [...epochs.values()] }
}
