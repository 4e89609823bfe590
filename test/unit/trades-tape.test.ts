import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FrameKind } from '../../src/domain/frame.ts'
import { TRADES_STREAM } from '../../src/domain/keys.ts'
import { createStats } from '../../src/lib/stats.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { TradesTape } from '../../src/normalizer/trades-tape.ts'
import { parseDataActivity, parseDataTrade } from '../../src/venue/polymarket/data-mapper.ts'

const nested = (depth: number): string => `{"ordinal":0,"raw":{"size":${'['.repeat(depth)}${']'.repeat(depth)}}}`
const reprocess = (text: string): string => JSON.stringify({ deadLetterId: 7, copy: 0, raw: text })
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.nat(20_000).map(nested)) // prettier-ignore

test('whatever a frame of the stream of trades says, it becomes a row or a dead letter and never stops the shard', () => {
  const kind = fc.constantFrom<FrameKind>('data_trade', 'data_activity', 'reprocess', 'marker', 'catalogue')
  fc.assert(
    fc.property(kind, fc.oneof(text, text.map(reprocess)), (frameKind, frameText) => {
      const tape = new TradesTape({
        parseTrade: parseDataTrade,
        parseActivity: parseDataActivity,
        stats: createStats(),
      })
      const batch = newBatch()
      const frame = { kind: frameKind, receivedTimeMs: 1e12, sourceReceivedTimeMs: undefined, text: frameText }
      tape.apply({ stream: TRADES_STREAM, id: '1-0', epoch: 'e', firstOrdinal: 1, frames: [frame] }, batch)
      const outcomes = [batch.deadLetters, batch.reprocessed, batch.trades, batch.activities].flat()
      expect(outcomes).toHaveLength(1)
    }),
  )
})
