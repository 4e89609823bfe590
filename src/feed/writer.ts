import { pause } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Appender } from '../stream/append.ts'
import { createEpochs, type EpochLog } from './epochs.ts'
import { createFlush } from './flush.ts'
import { createLinger } from './linger.ts'
import type { Budget, Packed } from './outbox.ts'
import { createRepair } from './repair.ts'

export type WriterDeps = {
  appender: Appender
  budget: Budget
  /** At least; longer while there is much. */
  lingerMs: number
  log: Logger
  /** Frames were dropped here because the buffer was full; called once there is room again. */
  onOverflow: (stream: string, log: EpochLog, droppedCount: number) => void
  /** Redis lost what it had acknowledged, further back than is kept. */
  onLoss: (stream: string, log: EpochLog) => void
  /** Entries that Redis will never take, each as `<stream>: <its reason>`. */
  onRefused: (refused: string[]) => void
}

export type Writer = {
  openEpoch(epoch: string): EpochLog
  /** Redis was away: what it lost is appended again before anything new. */
  redisReturned(): void
  /** Keeps Redis's note of silent connections alive. */
  refreshEpochs(): Promise<void>
  /** Appends what is buffered, gives up after `timeoutMs`; returns whether all went out. */
  close(timeoutMs: number): Promise<boolean>
}

/**
 * A script call of this size takes Redis about 5 ms; a backlog must not block its readers for longer. Managed ones take
 * 10 MB at once: this much, an entry of 1 MB above it, three bytes a letter.
 */
const MAX_FLUSH_BYTES = 2 * 1024 * 1024

const framesIn = (batch: Packed[]): number => batch.reduce((sum, { entry }) => sum + entry.frames.length, 0)

/** `wait` returns at the next `wake`. The caller checks for work right before, so that none is missed. */
const createBell = () => {
  let ring = (): void => undefined
  return {
    wake: (): void => ring(),
    wait: (): Promise<void> => new Promise((resolve) => (ring = resolve)),
  }
}

/**
 * One flush in flight; the next collects meanwhile. States of the loop: asleep (nothing waits) → lingering → appending
 * (repeated with the same ordinals until Redis takes it) → asleep.
 */
export const createWriter = (deps: WriterDeps): Writer => {
  const { appender, budget, lingerMs, log, onOverflow, onLoss, onRefused } = deps
  const bell = createBell()
  const epochs = createEpochs({ budget, pushed: bell.wake })
  const repair = createRepair({ appender, epochs, log, onLoss })
  const flush = createFlush({ appender, epochs, repair, onRefused, log })
  const linger = createLinger(lingerMs)
  const abandon = new AbortController()
  let isClosing = false
  const isFull = (): boolean => epochs.outbox.usedBytes() >= MAX_FLUSH_BYTES
  const run = async (): Promise<void> => {
    while (!abandon.signal.aborted && !(isClosing && epochs.outbox.isEmpty())) {
      if (epochs.outbox.isEmpty() && !flush.needsRepair()) await bell.wait()
      if (!isClosing && !isFull()) await pause(linger.nextMs(), abandon.signal)
      const batch = epochs.outbox.take(MAX_FLUSH_BYTES)
      linger.note(framesIn(batch), Date.now())
      await flush.append(batch, abandon.signal)
      for (const { stream, log: epochLog, count } of epochs.takeDropped()) onOverflow(stream, epochLog, count)
      epochs.expire(Date.now())
    }
  }
  const running = run()
  return {
    openEpoch: epochs.open,
    redisReturned: () => {
      flush.repairFirst()
      bell.wake()
    },
    refreshEpochs: async () => {
      await Promise.all(epochs.all().map((epoch) => appender.refresh(epoch.log.epoch)))
    },
    close: async (timeoutMs) => {
      isClosing = true
      bell.wake()
      const timer = setTimeout(() => abandon.abort(), timeoutMs)
      await running
      clearTimeout(timer)
      const leftBytes = epochs.outbox.usedBytes()
      epochs.outbox.free(leftBytes)
      return leftBytes === 0
    },
  }
}
