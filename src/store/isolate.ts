import type { ClientBase } from 'pg'
import type { Batch } from '../normalizer/batch.ts'
import { PARTS, type Context } from './parts.ts'

/** Tries of a batch: enough to find eight bad rows among 20,000 one by one. */
const MOST_TRIES = 256

/** What isolation changes is changed in a copy: an interrupted transaction begins again with the whole batch. */
const copyOf = (batch: Batch): Batch => ({
  ...batch,
  deadLetters: [...batch.deadLetters],
  reprocessed: [...batch.reprocessed],
  offsets: new Map(batch.offsets),
  refused: [],
  news: [],
})

/**
 * Writes a batch that Postgres has refused as a whole for a reason that lies in its rows: all but those rows, which go to
 * the dead letters with Postgres's words; a book that lost rows gets a gap. To be called in a transaction whose offsets
 * are moved, so that one bad row cannot end the commits of a shard again and again.
 *
 * @returns the batch as it was written.
 */
export const writeIsolated = async (client: ClientBase, batch: Batch, context: Context): Promise<Batch> => {
  const written = copyOf(batch)
  const isolation = { triesLeft: MOST_TRIES, ...context }
  for (const writePart of PARTS) await writePart(client, written, isolation)
  return written
}
