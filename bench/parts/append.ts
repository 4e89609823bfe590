import type { Frame } from '../../src/domain/frame.ts'
import { orderbookStream } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import type { NewEntry } from '../../src/stream/entry.ts'
import { signing } from '../../test/support/normalizer-flow.ts'
import { openRedis } from '../../test/support/services.ts'

const STREAMS = 200
/** About what 4 ms of 20,000 frames/s are. */
const FRAMES_A_CALL = 80
/** What is trimmed now and then: the streams of a recorder do not grow either. */
const TRIM_EVERY_CALLS = 500

/** Signed entries of one frame each, one call of the append script after the other, to a Redis with its append-only file. */
export const measureAppend = async (texts: string[], seconds: number): Promise<number> => {
  await using server = await openRedis()
  const redis = server.connect()
  const appender = createAppender({ redis, signing, shardCount: 1 })
  const epoch = createEpoch()
  const streams = Array.from({ length: STREAMS }, (_, at) => orderbookStream(String(at + 1)))
  let frames = 0
  const entryOf = (at: number): NewEntry => {
    const given: Frame = {
      kind: 'websocket',
      receivedTimeMs: Date.now(),
      sourceReceivedTimeMs: undefined,
      text: texts[at % texts.length] ?? '',
    }
    const firstOrdinal = Math.floor(at / STREAMS) + 1
    return { stream: streams[at % STREAMS] ?? '', epoch, firstOrdinal, frames: [given] }
  }
  const [startMs, endMs] = [performance.now(), performance.now() + seconds * 1_000]
  try {
    for (let call = 1; performance.now() < endMs; call++) {
      await appender.append(Array.from({ length: FRAMES_A_CALL }, (_, at) => entryOf(frames + at)))
      frames += FRAMES_A_CALL
      if (call % TRIM_EVERY_CALLS === 0) for (const stream of streams) await redis.xtrim(stream, 'MAXLEN', 0)
    }
    return (frames / (performance.now() - startMs)) * 1_000
  } finally {
    redis.disconnect()
  }
}
