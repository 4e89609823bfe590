import type { Redis } from 'ioredis'
import type { Frame, FrameKind } from '../../src/domain/frame.ts'
import { orderbookStream } from '../../src/domain/keys.ts'
import { createAppender, createEpoch } from '../../src/stream/append.ts'
import type { NewEntry, SigningKeys } from '../../src/stream/entry.ts'
import { levelKey } from './normalizer-rows.ts'
import { venueHash } from './venue-hash.ts'

export const signing: SigningKeys = { current: 'test', keys: new Map([['test', 'a secret of these tests']]) }

export const conditionOf = (marketId: string): string => `0x${marketId.padStart(64, '0')}`
export const tokensOf = (marketId: string): string[] => [`${marketId}001`, `${marketId}002`]
export const outcomesOf = (marketId: string): string[] => [`${marketId}:0`, `${marketId}:1`]

const INPUTS = { tickSize: '0.01', lastTradePrice: '' }

export const gammaText = (marketId: string, changed: Record<string, unknown> = {}): string =>
  JSON.stringify({
    id: marketId,
    conditionId: conditionOf(marketId),
    slug: `market-${marketId}`,
    question: 'Will it?',
    clobTokenIds: JSON.stringify(tokensOf(marketId)),
    outcomes: '["Yes","No"]',
    orderPriceMinTickSize: 0.01,
    orderMinSize: 5,
    ...changed,
  })

/** Appends what a feed would, and knows the books that must come of it. */
export type Flow = {
  /** Adds frames of any kind to a market's stream. */
  append(marketId: string, frames: [FrameKind, string][]): Promise<void>
  catalogue(texts: string[]): Promise<void>
  /** Adds frames to the stream `trades`. */
  trades(frames: [FrameKind, string][]): Promise<void>
  /** The present books of a market, as `book`s of the websocket or of REST. */
  books(marketId: string, kind?: FrameKind): Promise<void>
  /** Random changes of a market, one frame each. */
  changes(marketId: string, count: number): Promise<void>
  trade(marketId: string, transactionHash: string | undefined): Promise<void>
  gap(marketId: string, reason: string): Promise<void>
  /** One entry as it would be, given to `spoil` before it is appended. */
  entry(marketId: string, text: string): NewEntry
  /** Frames that were numbered but never reached the stream. */
  lose(marketId: string, count: number): void
  levels(outcomeId: string): Map<string, string>
}

/** `now`: the receive clock. */
export const createFlow = (redis: Redis, shardCount = 1, now: () => number = Date.now): Flow => {
  const appender = createAppender({ redis, signing, shardCount })
  const epoch = createEpoch()
  const ordinals = new Map<string, number>()
  const books = new Map<string, Map<string, string>>()
  let seed = 7
  let timeMs = Date.now() - 1_000
  const random = (limit: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((seed / 2 ** 31) * limit)
  }
  const levels = (outcomeId: string): Map<string, string> => {
    const found = books.get(outcomeId) ?? new Map<string, string>()
    books.set(outcomeId, found)
    return found
  }
  const newEntry = (stream: string, given: [FrameKind, string][]): NewEntry => {
    const firstOrdinal = (ordinals.get(stream) ?? 0) + 1
    ordinals.set(stream, firstOrdinal + given.length - 1)
    const receivedTimeMs = now()
    const frames = given.map(([kind, text]): Frame => ({ kind, receivedTimeMs, sourceReceivedTimeMs: undefined, text }))
    return { stream, epoch, firstOrdinal, frames }
  }
  const send = async (stream: string, frames: [FrameKind, string][]): Promise<void> => {
    await appender.append([newEntry(stream, frames)])
  }
  const append: Flow['append'] = (marketId, frames) => send(orderbookStream(marketId), frames)
  const head = (marketId: string) => ({ market: conditionOf(marketId), timestamp: String(timeMs) })
  const change = (marketId: string): [FrameKind, string] => {
    timeMs += random(2)
    const which = random(2)
    const asset_id = tokensOf(marketId)[which]
    const side = random(2) === 0 ? 'BUY' : 'SELL'
    const price = `0.${side === 'BUY' ? 1 + random(4) : 5 + random(4)}`
    const size = random(4) === 0 ? '0' : `${1 + random(90)}.5`
    const held = levels(outcomesOf(marketId)[which] ?? '')
    const level = levelKey(side === 'BUY' ? 'bid' : 'ask', price)
    if (size === '0') held.delete(level)
    else held.set(level, size)
    const hash = venueHash({ ...head(marketId), ...sidesOf(marketId, which) }, INPUTS)
    const price_changes = [{ asset_id, price, size, side, hash }]
    return ['websocket', JSON.stringify({ event_type: 'price_change', ...head(marketId), price_changes })]
  }
  const sidesOf = (marketId: string, which: number) => {
    const held = [...levels(outcomesOf(marketId)[which] ?? '')]
    const side = (name: string) =>
      held
        .filter(([level]) => level.startsWith(name))
        .map(([level, size]) => ({ price: level.slice(4), size }))
        .toSorted((left, right) => Number(left.price) - Number(right.price))
    const asset_id = tokensOf(marketId)[which] ?? ''
    return { asset_id, bids: side('bid'), asks: side('ask').toReversed() }
  }
  const book = (marketId: string, which: number): string => {
    const said = { ...head(marketId), ...sidesOf(marketId, which) }
    return JSON.stringify({ event_type: 'book', ...said, hash: venueHash(said, INPUTS) })
  }
  return {
    append,
    levels,
    catalogue: (texts) => send('markets', texts.map((text) => ['catalogue', text])), // prettier-ignore
    trades: (frames) => send('trades', frames),
    books: (marketId, kind = 'websocket') => append(marketId, [[kind, book(marketId, 0)], [kind, book(marketId, 1)]]), // prettier-ignore
    changes: async (marketId, count) => {
      for (let at = 0; at < count; at += 5) {
        await append(
          marketId,
          Array.from({ length: Math.min(5, count - at) }, () => change(marketId)),
        )
      }
    },
    trade: (marketId, transaction_hash) => {
      const fill = { asset_id: tokensOf(marketId)[0], price: '0.5', size: '20', side: 'BUY', transaction_hash }
      const text = JSON.stringify({ event_type: 'last_trade_price', ...head(marketId), ...fill })
      return append(marketId, [['websocket', text]])
    },
    gap: (marketId, reason) =>
      append(marketId, [['marker', JSON.stringify({ type: 'gap', reason, tokens: tokensOf(marketId), detail: 'd' })]]),
    entry: (marketId, text) => newEntry(orderbookStream(marketId), [['websocket', text]]),
    lose: (marketId, count) => {
      const stream = orderbookStream(marketId)
      ordinals.set(stream, (ordinals.get(stream) ?? 0) + count)
    },
  }
}
