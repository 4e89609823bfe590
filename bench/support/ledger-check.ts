import type pg from 'pg'
import { plainBook, readLadders, readOutcomes, type PlainBook } from '../../test/support/recorded-books.ts'
import { readGaps, type Recorded } from '../../test/support/recording.ts'

/** Rows and sequences of each outcome, as Postgres counts them: millions of rows are too many to read. */
const COUNTS = `
select outcome_id as "outcomeId", count(*)::int as rows, count(distinct sequence)::int as sequences, max(sequence)::int as last
from order_books group by outcome_id`

/** The newest row of each level since the newest snapshot: ids grow with the sequence. */
const BOOKS = `
with since as (select outcome_id, max(sequence) as sequence from order_books where kind = 'snapshot' group by outcome_id),
newest as (
  select b.outcome_id, max(b.id) as id from order_books b join since s using (outcome_id)
  where b.sequence >= s.sequence group by b.outcome_id, b.side, b.price)
select b.outcome_id as "outcomeId", b.side, b.price::text, b.size::text
from order_books b join newest n using (outcome_id, id) where b.size > 0`

type Count = { outcomeId: string; rows: number; sequences: number; last: number }
type Level = { outcomeId: string; side: 'bid' | 'ask'; price: string; size: string }

const readBooks = async (pool: pg.Pool): Promise<Map<string, PlainBook>> => {
  const { rows } = await pool.query<Level>(BOOKS)
  const byOutcome = new Map<string, Level[]>()
  for (const level of rows) {
    const levels = byOutcome.get(level.outcomeId)
    if (levels === undefined) byOutcome.set(level.outcomeId, [level])
    else levels.push(level)
  }
  return new Map(
    [...byOutcome].map(([outcomeId, levels]): [string, PlainBook] => {
      const of = (side: Level['side']): [string, string][] =>
        levels.filter((level) => level.side === side).map(({ price, size }) => [price, size])
      return [outcomeId, plainBook(of('bid'), of('ask'))]
    }),
  )
}

export type Checked = { outcomes: number; rows: number; wrong: string[] }

/**
 * What was recorded against the emulator's ledger, when nothing flows any more: every book in Redis and rebuilt from the rows is
 * the ledger's, sequences are dense, and every outcome without a gap has exactly the ledger's rows.
 */
export const checkLedger = async ({ venue, system, pool }: Recorded): Promise<Checked> => {
  const outcomes = await readOutcomes(pool)
  const counts = new Map((await pool.query<Count>(COUNTS)).rows.map((count) => [count.outcomeId, count]))
  const books = await readBooks(pool)
  const disturbed = new Set((await readGaps(pool)).map(({ outcomeId }) => outcomeId))
  const redis = system.redis()
  const wrong: string[] = []
  const note = (isRight: boolean, text: string): void => void (isRight || wrong.push(text))
  for (const [token, outcomeId] of outcomes) {
    const count = counts.get(outcomeId)
    if (count === undefined) continue
    const [told] = (await venue.ledger(token)).tokens
    const wanted = JSON.stringify(plainBook(told?.bids ?? [], told?.asks ?? []))
    const { rows, sequences, last } = count
    note(JSON.stringify(books.get(outcomeId)) === wanted, `the book of ${outcomeId} from its rows is not the ledger's`)
    note(
      JSON.stringify(await readLadders(redis, outcomeId)) === wanted,
      `the ladders of ${outcomeId} are not the ledger's`,
    )
    note(sequences === last, `${outcomeId} has ${sequences} sequences up to ${last}`)
    const isExact = disturbed.has(outcomeId) || rows === told?.expectedRows
    note(isExact, `${outcomeId} has ${rows} rows, not ${told?.expectedRows}`)
  }
  const rows = [...counts.values()].reduce((sum, count) => sum + count.rows, 0)
  return { outcomes: counts.size, rows, wrong }
}
