import { once } from 'node:events'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** Columns of `order_books` in the order of the normalizer's COPY lines. */
const BOOK_COLUMNS =
  'id, sequence, captured_at, source_ts, source_received_at, price, size, market_id, outcome_id, side, kind'

const LINES_PER_CHUNK = 2_000

/** COPY of text lines into `order_books`, inside the caller's transaction. */
export const copyBookRows = async (client: ClientBase, lines: string[]): Promise<void> => {
  if (lines.length === 0) return
  const stream = client.query(copyFrom(`copy order_books (${BOOK_COLUMNS}) from stdin`))
  const finished = new Promise<void>((resolve, reject) => {
    stream.on('finish', resolve)
    stream.on('error', reject)
  })
  for (let at = 0; at < lines.length; at += LINES_PER_CHUNK) {
    if (!stream.write(lines.slice(at, at + LINES_PER_CHUNK).join(''))) {
      await Promise.race([once(stream, 'drain'), finished])
    }
  }
  stream.end()
  await finished
}
