import type { RowKind, RowLevel } from './book-row.ts'

/** Epoch ms of an event that another recorder saw; `capturedTimeMs` by its receive clock, as far as it tells it. */
export type ImportedTimes = {
  capturedTimeMs: number
  exchangeTimeMs: number | undefined
  sourceReceivedTimeMs: number | undefined
}

type LinesOf = { marketId: string; outcomeId: string; source: string }

const HOUR_MS = 3_600_000
const ROWS_PER_EVENT = 65_536n
/** Hours of the next sixty years lie below, and so all sequences below 0. */
const HOURS_BELOW_ZERO = 2 ** 20
const EVENTS_PER_HOUR = 2 ** 24

const iso = (timeMs: number | undefined): string => (timeMs === undefined ? '\\N' : new Date(timeMs).toISOString())

/** Events of an hour are numbered from 0 in their order: no two sequences are equal, and later ones are greater. */
const createNumbering = (): ((timeMs: number) => number) => {
  let hour = 0
  let count = 0
  return (timeMs) => {
    const now = Math.floor(timeMs / HOUR_MS)
    count = now === hour ? count + 1 : 0
    hour = now
    if (count >= EVENTS_PER_HOUR)
      throw new Error(`expected less than ${EVENTS_PER_HOUR} events of an outcome in an hour`)
    return (hour - HOURS_BELOW_ZERO) * EVENTS_PER_HOUR + count
  }
}

/** COPY lines of one outcome, for `order_books` with its source. Events come in the order of time. */
export const createImportedLines = ({ marketId, outcomeId, source }: LinesOf) => {
  const numberOf = createNumbering()
  let lines: string[] = []
  return {
    write: (kind: RowKind, levels: RowLevel[], times: ImportedTimes): void => {
      const sequence = numberOf(times.capturedTimeMs)
      const instants = [times.capturedTimeMs, times.exchangeTimeMs, times.sourceReceivedTimeMs].map(iso).join('\t')
      levels.forEach(({ priceText, sizeText, side }, position) => {
        const id = BigInt(sequence) * ROWS_PER_EVENT + BigInt(position)
        const rest = `${priceText}\t${sizeText}\t${marketId}\t${outcomeId}\t${side}\t${kind}\t${source}\n`
        lines.push(`${id}\t${sequence}\t${instants}\t${rest}`)
      })
    },
    /** The lines since it was asked last. */
    take: (): string[] => {
      const taken = lines
      lines = []
      return taken
    },
  }
}
