import type { Frame, FrameKind } from '../../domain/frame.ts'
import { TRADES_STREAM } from '../../domain/keys.ts'
import type { Logger } from '../../lib/log.ts'
import { waitBeforeRetry } from '../../lib/retry.ts'
import type { Stats } from '../../lib/stats.ts'
import type { Appender } from '../../stream/append.ts'
import type { NewEntry } from '../../stream/entry.ts'

export type Outlet = {
  /** Resolves when all are in the stream `trades`. Callers wait for each other. @throws the signal's reason. */
  put(frames: Frame[], signal: AbortSignal): Promise<void>
}

export type OutletDeps = { appender: Appender; createEpoch: () => string; log: Logger; stats: Stats }

const FRAMES_PER_ENTRY = 100

export const toDataFrame = (
  kind: Extract<FrameKind, 'data_trade' | 'data_activity'>,
  { raw, ordinal }: { raw: string; ordinal: number },
  receivedTimeMs: number,
): Frame => ({
  kind,
  receivedTimeMs,
  sourceReceivedTimeMs: undefined,
  text: `{"ordinal":${ordinal},"raw":${raw}}`,
})

/**
 * An entry that failed is appended again as it was: what became of it is unknown, and its ordinal tells a copy. One that was
 * given up leaves its epoch behind, since others may not take its ordinals.
 */
export const createOutlet = ({ appender, createEpoch, log, stats }: OutletDeps): Outlet => {
  let epoch = createEpoch()
  let ordinal = 0
  let last: Promise<void> = Promise.resolve()
  /** Says so the first time: Redis may be away for long. */
  const tryAppend = async (entry: NewEntry, isFirst: boolean): Promise<'done' | 'again' | 'anew'> => {
    try {
      const result = await appender.append([entry])
      if (result.type === 'behind') return 'anew'
      if (result.refused.length === 0) return 'done'
      if (isFirst) log.error({ refused: result.refused }, 'Redis refused the stream of trades')
      return 'again'
    } catch (error) {
      if (isFirst) log.warn({ error }, 'trades could not be appended, tried until they are')
      return 'again'
    }
  }
  const beginAnew = (): void => {
    epoch = createEpoch()
    ordinal = 0
  }
  const append = async (frames: Frame[], signal: AbortSignal): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted()
      const entry = { stream: TRADES_STREAM, epoch, firstOrdinal: ordinal + 1, frames }
      const outcome = await tryAppend(entry, attempt === 0)
      if (outcome === 'done') break
      stats.count('dataAppendsFailed')
      if (outcome === 'anew') beginAnew()
      await waitBeforeRetry(attempt, signal)
    }
    ordinal += frames.length
  }
  const putAll = async (frames: Frame[], signal: AbortSignal): Promise<void> => {
    for (let at = 0; at < frames.length; at += FRAMES_PER_ENTRY) {
      await append(frames.slice(at, at + FRAMES_PER_ENTRY), signal)
    }
  }
  return {
    put: (frames, signal) => {
      const mine = last.then(() => putAll(frames, signal))
      last = mine.catch(beginAnew)
      return mine
    },
  }
}
