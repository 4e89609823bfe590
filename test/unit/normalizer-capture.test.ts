import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Market } from '../../src/domain/market.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'
import type { MarketTape } from '../../src/normalizer/market-tape.ts'
import { captureFiles, captureMarkets, readCapture, type CaptureFrame } from '../support/capture-frames.ts'
import { newTapeOf } from '../support/normalizer-tape.ts'

const files = captureFiles()
if (files.length === 0) console.warn('skipped: POLYTAPE_CAPTURES is not set, so no recorded stream is verified')

type Played = { tape: MarketTape; batch: Batch; counts: Record<string, number> }

/** Plays one market's frames, then notes that come 5 s later, as the feed's answers to questions do. */
const play = (market: Market, frames: CaptureFrame[]): Played => {
  const { tape, stats } = newTapeOf(market)
  const batch = newBatch()
  const own = frames.filter(({ message }) => message.market === market.conditionId)
  const lastTimeMs = own.at(-1)?.receivedTimeMs ?? 0
  const notes = [5_000, 5_100].map((laterMs) => ({
    kind: 'marker' as const,
    receivedTimeMs: lastTimeMs + laterMs,
    text: '{"type":"asked","tokens":[]}',
  }))
  const texts = [...own.map(({ receivedTimeMs, text }) => ({ kind: 'websocket' as const, receivedTimeMs, text })), ...notes] // prettier-ignore
  texts.forEach((frame, at) => {
    const frames = [{ ...frame, sourceReceivedTimeMs: undefined }]
    tape.apply({ stream: tape.stream, id: `${at + 1}-0`, epoch: '1-a', firstOrdinal: at + 1, frames }, batch)
  })
  return { tape, batch, counts: stats.read() }
}

type Sides = Record<string, string>

/** The state of each token's book where one of its batches ends, by plain maps: the oracle of what is wrong when. */
const batchEnds = (frames: CaptureFrame[], condition: string): Map<string, string> => {
  const books = new Map<string, Sides>()
  const open = new Map<string, string>()
  const ends = new Map<string, string>()
  const end = (token: string): void => {
    const mark = open.get(token)
    if (mark !== undefined)
      ends.set(
        `${token} ${mark}`,
        Object.entries(books.get(token) ?? {})
          .map(([level, size]) => `${level} ${size}`)
          .toSorted()
          .join(),
      )
    open.delete(token)
  }
  for (const { message } of frames) {
    if (message.market !== condition) continue
    if (message.event_type === 'book') {
      end(message.asset_id)
      const sides = [...message.bids.map((level) => ['BUY', level] as const), ...message.asks.map((level) => ['SELL', level] as const)] // prettier-ignore
      books.set(
        message.asset_id,
        Object.fromEntries(sides.map(([side, { price, size }]) => [`${side} ${price}`, size])),
      )
    }
    if (message.event_type !== 'price_change') continue
    for (const change of message.price_changes) {
      const mark = `${message.timestamp} ${change.hash}`
      if (open.get(change.asset_id) !== mark) end(change.asset_id)
      const book = books.get(change.asset_id) ?? {}
      if (change.size === '0') delete book[`${change.side} ${change.price}`]
      else book[`${change.side} ${change.price}`] = change.size
      books.set(change.asset_id, book)
      open.set(change.asset_id, mark)
    }
  }
  for (const token of open.keys()) end(token)
  return ends
}

const recordings = files.length === 0 ? [''] : files

describe.skipIf(files.length === 0).each(recordings.map((file) => [basename(file), file] as const))('%s', (_, file) => {
  const frames = file === '' ? [] : readCapture(file)
  const markets = file === '' ? [] : captureMarkets(file)

  test('every batch is verified and no alarm is raised', () => {
    for (const market of markets) {
      const { batch, counts, tape } = play(market, frames)
      expect(batch.gapsOpened, market.conditionId).toEqual([])
      expect(counts['batchesMismatched'] ?? 0).toBe(0)
      expect(counts['batchesUnverifiable'] ?? 0).toBe(0)
      expect(counts['batchesVerified']).toBeGreaterThan(0)
      expect(tape.state).toBe('live')
    }
  })

  test('a lost price_change is found whenever a book was wrong where a batch ended', () => {
    let foundCount = 0
    for (const market of markets) {
      const truth = batchEnds(frames, market.conditionId)
      frames.forEach((frame, lost) => {
        if (frame.message.event_type !== 'price_change' || frame.message.market !== market.conditionId) return
        const rest = frames.toSpliced(lost, 1)
        const ends = batchEnds(rest, market.conditionId)
        const isWrong = [...ends].some(([mark, state]) => truth.get(mark) !== state)
        const { batch } = play(market, rest)
        if (isWrong) expect(batch.gapsOpened.length, `frame ${lost}`).toBeGreaterThan(0)
        if (batch.gapsOpened.length > 0) foundCount += 1
      })
    }
    expect(foundCount).toBeGreaterThan(0)
  })
})
