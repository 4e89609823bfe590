import { join } from 'node:path'
import type { Pool } from 'pg'
import { addTotals, NO_ROWS, postgresTotals, type Totals } from '../archive/checksum.ts'
import { copiedColumns, COPY_OPTIONS } from '../archive/chunk-text.ts'
import type { ArchivedTable } from '../archive/tables.ts'
import { copyPages, pageRanges, sumPages, type RowSource } from '../store/archive-pages.ts'

type Reading = { pool: Pool; table: ArchivedTable; source: RowSource; onProgress: (share: number) => void }

/** Files of rows in the folder, one ahead of whoever reads them: two at a time on the disk. */
export async function* chunkFiles(
  { pool, table, source, onProgress }: Reading,
  folder: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const ranges = await pageRanges(pool, source)
  const write = async (index: number): Promise<string | undefined> => {
    const range = ranges[index]
    if (range === undefined) return undefined
    const path = join(folder, `chunk-${index % 3}.csv`)
    const copied = { source, range, columns: copiedColumns(table), options: COPY_OPTIONS, path }
    await copyPages(pool, copied, signal)
    return path
  }
  // It may fail while whoever reads is busy with the one before, and is heard of when it is awaited.
  const begin = (index: number): Promise<string | undefined> => {
    const writing = write(index)
    writing.catch(() => undefined)
    return writing
  }
  let ahead = begin(0)
  try {
    for (let index = 1; ; index++) {
      const path = await ahead
      if (path === undefined) return
      ahead = begin(index)
      yield path
      onProgress(index / ranges.length)
    }
  } finally {
    // Whoever reads may have stopped: nothing writes into the folder after that.
    await ahead.catch(() => undefined)
  }
}

/** As many as there are cores on the smallest machine that records: the rest of the recorder goes on beside it. */
const READERS = 2

/** Rows, checksum and span as Postgres computes them, in transactions of half a second. */
export const postgresSums = async (
  { pool, table, source, onProgress }: Reading,
  signal: AbortSignal,
): Promise<Totals> => {
  const ranges = await pageRanges(pool, source)
  const left = ranges.entries()
  let sum = NO_ROWS
  let done = 0
  const read = async (): Promise<void> => {
    for (const [, range] of left) {
      signal.throwIfAborted()
      const found = await sumPages<Totals>(pool, { source, range, totals: postgresTotals(table) })
      sum = addTotals(sum, found ?? NO_ROWS)
      onProgress(++done / ranges.length)
    }
  }
  await Promise.all(Array.from({ length: READERS }, read))
  return sum
}
