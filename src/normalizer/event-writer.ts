import type { BookLevels, LevelChange } from '../domain/book.ts'
import type { Level } from '../domain/book-side.ts'
import type { Frame } from '../domain/frame.ts'
import { writesRows, type ShedTier } from '../domain/shed.ts'
import type { Batch, TapeContext } from './batch.ts'
import { addBookRows, type RowKind, type RowLevel } from './book-row.ts'
import { LadderChanges } from './ladder-changes.ts'

export type WriteContext = { frame: Frame; batch: Batch; exchangeTimeMs: number | undefined }

/** Written out: a spread of so few fields costs more than all else of a change. */
export const writtenBy = ({ frame, batch }: TapeContext, exchangeTimeMs: number | undefined): WriteContext => ({
  frame,
  batch,
  exchangeTimeMs,
})

/** An empty snapshot and a gap are one row. */
export const EMPTY_ROW: RowLevel = { side: 'bid', priceText: '0', sizeText: '0' }

const toRow = (side: RowLevel['side'], level: Level): RowLevel => ({
  side,
  priceText: level.priceText,
  sizeText: level.size === 0 ? '0' : level.sizeText,
})

const toChangeRow = ({ side, level }: LevelChange): RowLevel => toRow(side, level)

/** The rows of a snapshot; an empty book is one row too. */
export const toRows = ({ bids, asks }: BookLevels): RowLevel[] => {
  const rows = [...bids.map((level) => toRow('bid', level)), ...asks.map((level) => toRow('ask', level))]
  return rows.length === 0 ? [EMPTY_ROW] : rows
}

/** Writes the events of one outcome: each takes the next sequence, and a receive time never below the last one. */
export class EventWriter {
  readonly ladder = new LadderChanges()
  /** Levels a side that are written; 0 = all. */
  depth = 0
  tier: ShedTier = 0
  /** Sequences of the open gaps of what is shed, one a tier: see `keepAsTold`. */
  sheds: number[] = []
  sequence = 0
  capturedTimeMs = 0
  changesSinceCheckpoint = 0
  readonly #marketId: string
  readonly #outcomeId: string

  constructor(marketId: string, outcomeId: string) {
    this.#marketId = marketId
    this.#outcomeId = outcomeId
  }

  /** `captured_at` of what a frame would write now. */
  timeOf({ receivedTimeMs }: Frame): number {
    return Math.max(this.capturedTimeMs, receivedTimeMs)
  }

  /** One event of kind `change`; none where nothing that is written changed. */
  writeChanges(changes: LevelChange[], context: WriteContext): void {
    if (changes.length === 0) return
    if (writesRows(this.tier)) for (const { side, level } of changes) this.ladder.set(side, level)
    this.changesSinceCheckpoint += changes.length
    this.write('change', changes.map(toChangeRow), context)
  }

  /** No row, no sequence. Of a gap there is one whatever is shed. */
  write(kind: RowKind, levels: RowLevel[], { frame, batch, exchangeTimeMs }: WriteContext): void {
    this.capturedTimeMs = this.timeOf(frame)
    if (kind !== 'gap' && !writesRows(this.tier)) return
    this.sequence += 1
    const { sequence, capturedTimeMs } = this
    const { sourceReceivedTimeMs } = frame
    const marketId = this.#marketId
    const outcomeId = this.#outcomeId
    // Nothing is spread: on Node 20 that costs several µs an event.
    const event = { marketId, outcomeId, sequence, kind, capturedTimeMs, exchangeTimeMs, sourceReceivedTimeMs }
    addBookRows(batch, event, levels)
  }
}
