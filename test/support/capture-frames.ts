import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Market } from '../../src/domain/market.ts'
import type { Emulator } from '../../src/emulator/emulator.ts'
import { catalogueOf } from '../../src/emulator/replay-catalogue.ts'

/** One message of a recorded frame: arrays are taken apart, texts stay as they were sent. */
export type CaptureFrame = { receivedTimeMs: number; text: string; message: CaptureMessage }
export type CaptureMessage = {
  event_type: string
  market: string
  asset_id: string
  timestamp: string
  hash: string
  best_bid: string
  best_ask: string
  bids: { price: string; size: string }[]
  asks: { price: string; size: string }[]
  price_changes: { asset_id: string; price: string; size: string; side: string; hash: string }[]
}

/** A market of the emulator's catalogue as the normalizer knows it. */
export const marketOf = (market: Emulator['catalogue']['markets'][number]): Market => ({
  marketId: market.marketId,
  conditionId: market.conditionId,
  slug: market.slug,
  question: market.question,
  status: 'active',
  outcomes: market.tokens.map(({ token, outcome }, at) => ({
    outcomeId: `${market.marketId}:${at}`,
    name: outcome,
    token,
  })),
  feeBps: undefined,
  endTimeMs: undefined,
  tickSize: market.tickSize,
  minOrderSize: market.minOrderSize,
  negRisk: market.negRisk,
  version: market.version,
})

const folder = process.env['POLYTAPE_CAPTURES'] ?? ''

/** Recordings of the market channel in the folder of captures: lines of `receivedAt` and `payloadUtf8`. */
export const captureFiles = (): string[] => {
  if (folder === '') return []
  const lines = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))
  return lines.map((name) => join(folder, name)).filter((path) => readFileSync(path, 'utf8').includes('"payloadUtf8"'))
}

type Line = { receivedAt: string; payloadUtf8: string }

const linesOf = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
    .filter(({ payloadUtf8 }) => payloadUtf8.trim().startsWith('[') || payloadUtf8.trim().startsWith('{'))

export const readCapture = (path: string): CaptureFrame[] =>
  linesOf(path).flatMap(({ receivedAt, payloadUtf8 }) =>
    ([JSON.parse(payloadUtf8)].flat() as CaptureMessage[]).map((message) => ({
      receivedTimeMs: new Date(receivedAt).getTime(),
      text: JSON.stringify(message),
      message,
    })),
  )

/** Metadata as the emulator makes it up for a replay. */
export const captureMarkets = (path: string): Market[] =>
  catalogueOf(
    linesOf(path).map(({ receivedAt, payloadUtf8 }) => ({ receivedTimeMs: Date.parse(receivedAt), text: payloadUtf8 })),
  ).markets.map(marketOf)
