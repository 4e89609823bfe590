import { marketOfStream, MARKETS_STREAM, UNROUTABLE_STREAM } from '../domain/keys.ts'
import type { Frame, StreamEntry } from '../domain/frame.ts'
import type { Market } from '../domain/market.ts'
import type { Batch, CheckpointRow } from '../normalizer/batch.ts'
import { MarketTape } from '../normalizer/market-tape.ts'
import { continueWithoutBooks, rebuildTape } from '../normalizer/rebuild.ts'
import { SharedTape } from '../normalizer/shared-tape.ts'
import { readCheckpoints } from '../store/checkpoints.ts'
import { readMarkets } from '../store/markets.ts'
import { openOffsets, type StoredOffset } from '../store/offsets.ts'
import { decodeEntry } from '../stream/entry.ts'
import { compareIds, type RawEntry, type Reader } from '../stream/read.ts'
import { parseGammaMarket } from '../venue/polymarket/gamma-market.ts'
import { parseMarketMessage, parseRestBook } from '../venue/polymarket/mapper.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'

export type Tape = MarketTape | SharedTape

/** Streams recovered at a time: each may bring some hundred entries. */
const OPENED_AT_ONCE = 50

const ownFrame = (): Frame => ({
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

/** The tapes of a shard by stream. A stream whose market is not known yet is parked: its entries wait in Redis. */
export const createTapes = ({ pool, signing, log, stats }: NormalizerDeps, reader: Reader) => {
  const open = new Map<string, Tape>()
  const parked = new Set<string>()
  const parsers = { parseMessage: parseMarketMessage, parseRestBook, parseCatalogue: parseGammaMarket, stats }

  const decodeAll = (stream: string, raw: RawEntry[]): StreamEntry[] =>
    raw
      .map((entry) => decodeEntry(stream, entry, signing))
      .flatMap((decoded) => (decoded.type === 'entry' ? [decoded.entry] : []))

  const openMarket = async (
    market: Market,
    found: { offset: StoredOffset; checkpoints: CheckpointRow[] },
    batch: Batch,
  ): Promise<MarketTape> => {
    const { offset, checkpoints } = found
    const from = checkpoints.map((row) => row.streamId).toSorted(compareIds)[0] ?? '0-0'
    const raw = offset.lastId === '0-0' ? [] : await reader.between(offset.stream, from, offset.lastId)
    const entries = decodeAll(offset.stream, raw)
    const input = { progress: offset.progress, committedId: offset.lastId, checkpoints, entries }
    const rebuilt = new MarketTape(market, parsers)
    if (rebuildTape(rebuilt, input)) return rebuilt
    log.warn(
      { stream: offset.stream, committedId: offset.lastId },
      'a book could not be rebuilt from its stream; a gap was opened',
    )
    const continued = new MarketTape(market, parsers)
    continueWithoutBooks(continued, input, { frame: ownFrame(), batch })
    return continued
  }

  const openMarkets = async (offsets: StoredOffset[], batch: Batch): Promise<Tape[]> => {
    const ids = offsets.map((offset) => marketOfStream(offset.stream) ?? '')
    const markets = new Map((await readMarkets(pool, ids)).map((market) => [market.marketId, market]))
    const checkpoints = groupByMarket(await readCheckpoints(pool, ids))
    const opened = offsets.map(async (offset, index) => {
      const market = markets.get(ids[index] ?? '')
      if (market === undefined) {
        parked.add(offset.stream)
        return undefined
      }
      return openMarket(market, { offset, checkpoints: checkpoints.get(market.marketId) ?? [] }, batch)
    })
    return (await Promise.all(opened)).filter((tape) => tape !== undefined)
  }

  const openShared = ({ stream, lastId }: StoredOffset): SharedTape => {
    const tape = new SharedTape(stream, parsers)
    tape.lastId = lastId
    tape.sealedId = lastId
    return tape
  }

  const openSome = async (streams: string[], batch: Batch): Promise<Tape[]> => {
    const offsets = await openOffsets(pool, streams)
    const shared = offsets.filter((offset) => marketOfStream(offset.stream) === undefined).map(openShared)
    const markets = await openMarkets(
      offsets.filter((offset) => marketOfStream(offset.stream) !== undefined),
      batch,
    )
    const tapes = [...shared, ...markets]
    for (const tape of tapes) {
      open.set(tape.stream, tape)
      parked.delete(tape.stream)
    }
    return tapes
  }

  return {
    open,
    parked,
    get: (stream: string): Tape | undefined => open.get(stream),
    markets: (): MarketTape[] => [...open.values()].filter((tape) => tape instanceof MarketTape),

    /** Opens the tapes of streams that are not open yet; returns the new ones. Gaps of lost books go into the batch. */
    openAll: async (streams: Iterable<string>, batch: Batch): Promise<Tape[]> => {
      const closed = [...new Set(streams)].filter((stream) => !open.has(stream))
      const opened: Tape[] = []
      for (let at = 0; at < closed.length; at += OPENED_AT_ONCE) {
        opened.push(...(await openSome(closed.slice(at, at + OPENED_AT_ONCE), batch)))
      }
      return opened
    },

    /** Applies one raw entry. One that is not ours goes to the dead letters and opens a gap: it is never applied. */
    apply: (tape: Tape, raw: RawEntry, batch: Batch): void => {
      const decoded = decodeEntry(tape.stream, raw, signing)
      if (decoded.type === 'entry') return tape.apply(decoded.entry, batch)
      const frame = ownFrame()
      const { reason, detail } = decoded
      stats.count('deadLetters')
      batch.deadLetters.push({
        ...{ stream: tape.stream, entryId: raw[0], ordinal: 0, reason, detail, raw: decoded.raw },
        firstSeenTimeMs: frame.receivedTimeMs,
      })
      tape.lastId = raw[0]
      if (tape instanceof MarketTape) tape.openGaps('bad_signature', detail, { frame, batch })
    },
  }
}

export type Tapes = ReturnType<typeof createTapes>

/** Streams that are read though no market is known by their name. */
export const SHARED_STREAMS = [MARKETS_STREAM, UNROUTABLE_STREAM]
