import pg from 'pg'
import { copyBookRows } from '../../src/store/books.ts'
import { addBookRows } from '../../src/normalizer/book-row.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { openPostgres } from '../../test/support/services.ts'

const MARKETS = 200
/** A commit of 20 ms at 40,000 rows/s. */
const ROWS_A_COMMIT = 800

/** Lines as the normalizer makes them: both outcomes of a market, a level each. */
const linesOf = (commit: number, timeMs: number): string[] => {
  const batch = newBatch()
  for (let row = 0; row < ROWS_A_COMMIT; row++) {
    const at = commit * ROWS_A_COMMIT + row
    const [market, side] = [Math.floor(at / 2) % MARKETS, at % 2]
    const marketId = String(516_000 + market)
    const event = {
      marketId,
      outcomeId: `${marketId}:${side}`,
      sequence: Math.floor(at / 2 / MARKETS) + 1,
      kind: 'change' as const,
      capturedTimeMs: timeMs,
      exchangeTimeMs: timeMs - 3,
      sourceReceivedTimeMs: undefined,
    }
    const level = {
      side: side === 0 ? ('bid' as const) : ('ask' as const),
      priceText: `0.${10 + (at % 80)}`,
      sizeText: String(at % 9_000),
    }
    addBookRows(batch, event, [level])
  }
  return batch.bookLines
}

/** Rows a second into a partition with its indexes, a transaction after the other, lines ready before the clock runs. */
export const measureCopy = async (seconds: number): Promise<number> => {
  await using server = await openPostgres()
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  let [rows, spentMs] = [0, 0]
  try {
    await client.query('select ensure_order_books_partition(current_date)')
    for (let commit = 0; spentMs < seconds * 1_000; commit++) {
      const lines = linesOf(commit, Date.now())
      const startMs = performance.now()
      await client.query('begin')
      await copyBookRows(client, lines)
      await client.query('commit')
      spentMs += performance.now() - startMs
      rows += lines.length
    }
    return (rows / spentMs) * 1_000
  } finally {
    await client.end()
  }
}
