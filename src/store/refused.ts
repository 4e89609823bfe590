import { orderbookStream } from '../domain/keys.ts'
import type { Batch } from '../normalizer/batch.ts'
import type { Refused } from './isolation.ts'

/** A dead letter is to be read, and moved about. */
const LONGEST_RAW = 1_000_000
const LONGEST_DETAIL = 500

export const REFUSED_ROW = 'refused_row'

export type Explained = { part: string; marketId: string | undefined; raw: string; message: string }

/** Keeps rows that Postgres refused as a dead letter of their market's stream. Ordinals below 0 are rows, not frames. */
export const addRefused = (batch: Batch, { part, marketId, raw, message }: Explained): void => {
  const offsets = [...batch.offsets.values()]
  const wanted = marketId === undefined ? undefined : orderbookStream(marketId)
  const offset = offsets.find(({ stream }) => stream === wanted) ?? offsets[0]
  batch.deadLetters.push({
    stream: wanted ?? offset?.stream ?? 'none',
    entryId: offset?.lastId ?? '0-0',
    ordinal: -1 - batch.deadLetters.length,
    reason: REFUSED_ROW,
    detail: `${part}: ${message}`.slice(0, LONGEST_DETAIL),
    raw: raw.slice(0, LONGEST_RAW),
    firstSeenTimeMs: Date.now(),
  })
}

const toText = (item: unknown): string => (typeof item === 'string' ? item.trimEnd() : JSON.stringify(item))

/** One dead letter for what was refused together. */
export const explain = <T>(
  { items, message }: Refused<T>,
  part: string,
  marketOf: (item: T) => string | undefined,
): Explained => {
  const [first] = items
  const raw = items.map(toText).join('\n')
  const counted = items.length === 1 ? message : `${items.length} rows together: ${message}`
  return { part, marketId: first === undefined ? undefined : marketOf(first), raw, message: counted }
}
