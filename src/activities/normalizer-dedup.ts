import type { Pool } from 'pg'
import type { SeenKind } from '../dedup/kinds.ts'
import type { Seen } from '../dedup/seen.ts'
import type { Stats } from '../lib/stats.ts'
import type { Batch, FillRow } from '../normalizer/batch.ts'
import { fillKey } from '../normalizer/fill-key.ts'
import { findKnownBroadcasts } from '../store/broadcasts.ts'
import { findStoredFills } from '../store/fills.ts'

type Write = (batch: Batch, signal: AbortSignal) => Promise<void>
export type DedupDeps = { seen: Seen; pool: Pool; stats: Stats }

const announcedKey = (marketId: string): string => `new_market:${marketId}`
const resolvedKey = (marketId: string): string => `market_resolved:${marketId}`

/** Two connections may bring a fill within one batch: the first receive time counts. */
const firstByKey = (fills: FillRow[]): Map<string, FillRow> => {
  const byKey = new Map<string, FillRow>()
  for (const fill of fills) {
    const key = fillKey(fill)
    if (!byKey.has(key)) byKey.set(key, fill)
  }
  return byKey
}

/** The exact look-up is to save work, not to be right: where Postgres does not answer, the commit decides. */
const orNone = async <T>(work: Promise<T>, none: T): Promise<T> => work.catch(() => none)

/**
 * Lets what arrives by more than one path (fills and broadcasts come once a connection) through to the commit once.
 * What the bitmaps have not seen goes straight on; what they perhaps have seen is looked up exactly, and dropped only if
 * it is there. The unique keys of Postgres would refuse a copy that slipped through.
 */
export const withoutCopies = (write: Write, { seen, pool, stats }: DedupDeps): Write => {
  const tell = (kind: SeenKind, suspectCount: number, copyCount: number): void => {
    if (copyCount > 0) stats.count('dedupHits', copyCount)
    if (copyCount > 0) stats.count(`dedupHits:${kind}`, copyCount)
    if (suspectCount > copyCount) stats.count('dedupFalsePositives', suspectCount - copyCount)
  }

  const dropFills = async (batch: Batch, byKey: ReadonlyMap<string, FillRow>): Promise<void> => {
    const twiceCount = batch.fills.length - byKey.size
    tell('fills', twiceCount, twiceCount)
    batch.fills = [...byKey.values()]
    const isPerhaps = await seen.check('fills', [...byKey.keys()])
    const suspects = batch.fills.filter((_, index) => isPerhaps[index] === true)
    if (suspects.length === 0) return
    const copies = new Set(await orNone(findStoredFills(pool, suspects), []))
    tell('fills', suspects.length, copies.size)
    batch.fills = batch.fills.filter((fill) => !copies.has(fill))
  }

  const dropBroadcasts = async (batch: Batch): Promise<void> => {
    const announced = [...batch.newMarkets]
    const resolved = [...batch.resolvedMarkets.keys()]
    const isPerhaps = await seen.check('broadcasts', [...announced.map(announcedKey), ...resolved.map(resolvedKey)])
    const suspects = {
      announced: announced.filter((_, index) => isPerhaps[index] === true),
      resolved: resolved.filter((_, index) => isPerhaps[announced.length + index] === true),
    }
    const copies = await orNone(findKnownBroadcasts(pool, suspects), { announced: [], resolved: [] })
    const suspectCount = suspects.announced.length + suspects.resolved.length
    tell('broadcasts', suspectCount, copies.announced.length + copies.resolved.length)
    for (const marketId of copies.announced) batch.newMarkets.delete(marketId)
    for (const marketId of copies.resolved) batch.resolvedMarkets.delete(marketId)
  }

  return async (batch, signal) => {
    const byKey = firstByKey(batch.fills)
    const fills = [...byKey.keys()]
    const resolved = [...batch.resolvedMarkets.keys()]
    const broadcasts = [...[...batch.newMarkets].map(announcedKey), ...resolved.map(resolvedKey)]
    if (fills.length + broadcasts.length === 0) return write(batch, signal)
    await Promise.all([dropFills(batch, byKey), dropBroadcasts(batch)])
    seen.hold('fills', fills)
    seen.hold('broadcasts', broadcasts)
    await write(batch, signal)
    if (batch.newMarkets.size > 0) stats.count('newMarkets', batch.newMarkets.size)
    // The next commit need not wait for it.
    void Promise.all([seen.add('fills', fills), seen.add('broadcasts', broadcasts)])
  }
}
