import type { Pool } from 'pg'
import type { Frame, StreamEntry } from '../domain/frame.ts'
import { marketOfStream } from '../domain/keys.ts'
import type { Market } from '../domain/market.ts'
import type { Logger } from '../lib/log.ts'
import type { CheckpointRow } from '../normalizer/checkpoint-row.ts'
import { MarketTape, type TapeDeps } from '../normalizer/market-tape.ts'
import { continueWithoutBooks, keepTrades, rebuildTape } from '../normalizer/rebuild.ts'
import { readCheckpoints } from '../store/checkpoints.ts'
import { readMarkets } from '../store/markets.ts'
import type { StoredOffset } from '../store/offsets.ts'
import { decodeEntry, type SigningKeys } from '../stream/entry.ts'
import { compareIds, type RawEntry, type Reader } from '../stream/read.ts'

export type OpenDeps = { pool: Pool; reader: Reader; signing: SigningKeys; parsers: TapeDeps; log: Logger }

type Found = { market: Market; offset: StoredOffset; checkpoints: CheckpointRow[] }

/** A frame of our own making, for events that no frame of the venue caused. */
export const ownFrame = (): Frame => ({
  kind: 'marker',
  receivedTimeMs: Date.now(),
  sourceReceivedTimeMs: undefined,
  text: '',
})

const groupByMarket = (rows: CheckpointRow[]): Map<string, CheckpointRow[]> => {
  const grouped = new Map<string, CheckpointRow[]>()
  for (const row of rows) grouped.set(row.marketId, [...(grouped.get(row.marketId) ?? []), row])
  return grouped
}

const decodeAll = (stream: string, raw: RawEntry[], signing: SigningKeys): StreamEntry[] =>
  raw.flatMap((entry) => {
    const decoded = decodeEntry(stream, entry, signing)
    return decoded.type === 'entry' ? [decoded.entry] : []
  })

/** Brings one market's tape to its committed offset; the tape says so where its books cannot be rebuilt. */
const openMarket = async (deps: OpenDeps, { market, offset, checkpoints }: Found): Promise<MarketTape> => {
  const { reader, signing, parsers, log } = deps
  const from = checkpoints.map((row) => row.streamId).toSorted(compareIds)[0] ?? '0-0'
  const raw = offset.lastId === '0-0' ? [] : await reader.between(offset.stream, from, offset.lastId)
  const entries = decodeAll(offset.stream, raw, signing)
  const input = { progress: offset.progress, committedId: offset.lastId, checkpoints, entries }
  const rebuilt = new MarketTape(market, parsers)
  if (rebuildTape(rebuilt, input)) return rebuilt
  const unjudged = new MarketTape(market, parsers)
  if (rebuildTape(unjudged, input, true)) return unjudged
  log.warn({ stream: offset.stream, committedId: offset.lastId }, 'books could not be rebuilt; a gap is opened')
  const continued = new MarketTape(market, parsers)
  continueWithoutBooks(continued, input)
  keepTrades(continued, rebuilt)
  return continued
}

/** The tapes of those streams whose market is known to Postgres. */
export const openMarkets = async (deps: OpenDeps, offsets: StoredOffset[]): Promise<MarketTape[]> => {
  const marketIds = offsets.map((offset) => marketOfStream(offset.stream) ?? '')
  const markets = new Map((await readMarkets(deps.pool, marketIds)).map((market) => [market.marketId, market]))
  const checkpoints = groupByMarket(await readCheckpoints(deps.pool, marketIds))
  const opened = offsets.flatMap((offset, index) => {
    const market = markets.get(marketIds[index] ?? '')
    if (market === undefined) return []
    return [openMarket(deps, { market, offset, checkpoints: checkpoints.get(market.marketId) ?? [] })]
  })
  return Promise.all(opened)
}
