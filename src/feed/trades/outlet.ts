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

export type OutletDeps = {
  appender: Appender
  createEpoch: () => string
  /** Redis knows less than it had acknowledged: what was put before may be gone. */
  onLoss: () => void
  log: Logger
  stats: Stats
}

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

type Tried = 'done' | 'failed' | 'refused' | 'behind'

/** Says what is wrong the first time: Redis may be away for long. */
const createTry =
  ({ appender, log }: OutletDeps) =>
  async (entry: NewEntry, isFirst: boolean): Promise<Tried> => {
    try {
      const result = await appender.append([entry], new Map([[TRADES_STREAM, entry.firstOrdinal - 1]]))
      if (result.type === 'behind') return 'behind'
      if (result.refused.length === 0) return 'done'
      if (isFirst) log.error({ refused: result.refused }, 'Redis refused the stream of trades')
      return 'refused'
    } catch (error) {
      if (isFirst) log.warn({ error }, 'trades could not be appended, tried until they are')
      return 'failed'
    }
  }

/**
 * An entry that failed is appended again as it was: what became of it is unknown, and its ordinal tells a copy. One that was
 * refused goes under another epoch, since the script notes its ordinals as taken; so does what comes after one that was given
 * up, and after a loss. (A stream of which nothing was appended for an hour counts as lost: its note has expired.)
 */
export const createOutlet = (deps: OutletDeps): Outlet => {
  const { createEpoch, onLoss, log, stats } = deps
  const tryAppend = createTry(deps)
  let epoch = createEpoch()
  let ordinal = 0
  let last: Promise<void> = Promise.resolve()
  const beginAnew = (): void => {
    epoch = createEpoch()
    ordinal = 0
  }
  const noteLoss = (): void => {
    stats.count('dataStreamLosses')
    log.warn('Redis does not know of the last trades that it had acknowledged: they are read again')
    onLoss()
  }
  const append = async (frames: Frame[], signal: AbortSignal): Promise<void> => {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted()
      const entry = { stream: TRADES_STREAM, epoch, firstOrdinal: ordinal + 1, frames }
      const tried = await tryAppend(entry, attempt === 0)
      if (tried === 'done') break
      stats.count('dataAppendsFailed')
      if (tried !== 'failed') beginAnew()
      if (tried === 'behind') noteLoss()
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
