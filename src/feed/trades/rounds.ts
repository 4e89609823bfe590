import { pause } from '../../lib/every.ts'
import type { Logger } from '../../lib/log.ts'
import type { Stats } from '../../lib/stats.ts'

/** How it stands with something that is done again and again. */
export type Rounds = {
  /** Until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>
  /** How long no round has succeeded. */
  unansweredMs(): number
  /** Why the last round failed; undefined where it did not. */
  failure(): string | undefined
}

export type RoundsOptions = {
  /** Of what, for people. */
  what: string
  everyMs: number
  round: (signal: AbortSignal) => Promise<void>
  log: Logger
  stats: Stats
  /** Of a clock that is never set back. */
  elapsedMs: () => number
}

/** A round that fails is counted, and made again; one line says when that begins and one when it is over. */
export const createRounds = ({ what, everyMs, round, log, stats, elapsedMs }: RoundsOptions): Rounds => {
  let doneAtMs = elapsedMs()
  let failure: string | undefined
  const tryRound = async (signal: AbortSignal): Promise<void> => {
    try {
      await round(signal)
      if (failure !== undefined) log.info(`${what} are polled again`)
      failure = undefined
      doneAtMs = elapsedMs()
    } catch (error) {
      if (signal.aborted) return
      stats.count('dataPollsFailed')
      if (failure === undefined) log.warn({ error }, `${what} could not be polled, tried again until they are`)
      failure = error instanceof Error ? error.message : String(error)
    }
  }
  return {
    run: async (signal) => {
      while (!signal.aborted) {
        const startedAtMs = elapsedMs()
        await tryRound(signal)
        await pause(Math.max(everyMs - (elapsedMs() - startedAtMs), 0), signal)
      }
    },
    unansweredMs: () => elapsedMs() - doneAtMs,
    failure: () => failure,
  }
}
