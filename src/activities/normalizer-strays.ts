import type { Config } from '../config.ts'
import type { Stats } from '../lib/stats.ts'
import { shardOfStream } from '../stream/append.ts'
import type { Reader } from '../stream/read.ts'

const PASS_ON_EVERY_MS = 1_000

export type StraysDeps = { reader: Reader; config: Config; stats: Stats }

/**
 * Streams that a feed with another count of shards noted for this one. Each is passed on at most once a second: two
 * normalizers that count otherwise would hand it to and fro without end.
 */
export const createStrays = ({ reader, config, stats }: StraysDeps) => {
  const waiting = new Set<string>()
  const passedTimesMs = new Map<string, number>()
  return {
    add: (stream: string): void => void waiting.add(stream),
    passOn: async (): Promise<void> => {
      if (waiting.size === 0) return
      const nowMs = Date.now()
      for (const [stream, timeMs] of passedTimesMs) {
        if (nowMs - timeMs >= PASS_ON_EVERY_MS) passedTimesMs.delete(stream)
      }
      const due = [...waiting].filter((stream) => !passedTimesMs.has(stream))
      await reader.passOn(due.map((stream) => [stream, shardOfStream(stream, config.NORMALIZER_SHARDS)]))
      for (const stream of due) {
        waiting.delete(stream)
        passedTimesMs.set(stream, nowMs)
      }
      stats.count('streamsPassedOn', due.length)
    },
  }
}

export type Strays = ReturnType<typeof createStrays>
