import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'

const SAID_EVERY_MS = 600_000

/**
 * Makes visible what Redis refuses for good: the key of a stream is of another type, made by hand. Its frames are lost
 * until the key is gone; the jump in the ordinals then opens a gap. Said once a stream, and again every ten minutes.
 */
export const createRefusals = (log: Logger, stats: Stats): ((refused: string[]) => void) => {
  const saidTimesMs = new Map<string, number>()
  return (refused) => {
    const nowMs = Date.now()
    stats.count('entriesRefused', refused.length)
    for (const text of new Set(refused)) {
      if (nowMs - (saidTimesMs.get(text) ?? 0) < SAID_EVERY_MS) continue
      saidTimesMs.set(text, nowMs)
      log.error(
        { refused: text },
        'Redis refused entries of a stream for good: remove the key, its frames are lost until then',
      )
    }
  }
}
