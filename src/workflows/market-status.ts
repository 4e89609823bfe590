import type { MarketState } from '../domain/market.ts'
import type { MarketStatus } from './market-contract.ts'
import { bookTextOf } from './market-details.ts'
import { isConfirmed, isDepthApplied, isHeld, type MarketRecord } from './market-record.ts'

/**
 * All frames are stopped at the feeds: its feed said so, or it was reported after the market was desired, so is not what an
 * earlier pause left.
 */
const isHeldAtFeed = (record: MarketRecord): boolean =>
  isHeld(record) || (record.observed?.state === 'paused' && record.observed.atTimeMs > record.generation)

const noteOf = (record: MarketRecord): string =>
  record.note === '' && isHeld(record) ? 'held: everything is paused' : record.note

/** Search attribute `MarketState`: the desire once it is confirmed, until then what was last seen. */
export const stateOf = (record: MarketRecord): MarketState => {
  if (record.isResolved) return 'resolved'
  if (record.desired !== 'active' && isConfirmed(record)) return record.desired
  if (isHeldAtFeed(record)) return 'paused'
  if (record.alerts.length > 0) return 'stale'
  const seen = record.observed?.state ?? 'starting'
  return seen === 'paused' || seen === 'stopped' ? 'starting' : seen
}

const isoOf = (timeMs: number | undefined): string | undefined =>
  timeMs === undefined ? undefined : new Date(timeMs).toISOString()

export const statusOf = (record: MarketRecord, nowMs: number): MarketStatus => {
  const state = stateOf(record)
  return {
    marketId: record.marketId,
    slug: record.card?.slug ?? '',
    question: record.card?.question ?? '',
    state,
    desired: record.desired,
    depth: record.depth,
    depthApplied: isDepthApplied(record),
    origin: record.origin,
    feedGroup: record.group,
    generation: record.generation,
    confirmed: isConfirmed(record) || (record.desired === 'active' && state === 'live'),
    confirmedAt: isoOf(record.confirmedTimeMs),
    observed: record.observed?.state,
    observedAt: isoOf(record.observed?.atTimeMs),
    observedAgeMs: record.observed === undefined ? undefined : nowMs - record.observed.atTimeMs,
    sequence: record.observed?.sequence,
    feedEpoch: record.observed?.feedEpoch,
    book: bookTextOf(record.observed),
    alerts: record.alerts,
    end: record.end,
    note: noteOf(record),
  }
}
