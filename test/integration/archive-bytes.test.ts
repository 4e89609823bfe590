import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fillBookDay } from '../../bench/support/book-day.ts'
import { chunkFiles } from '../../src/activities/archive-chunks.ts'
import { buildPart } from '../../src/archive/part-file.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { createDatabase } from '../support/services.ts'

const ROWS = 600_000

test('an archived row of a book takes at most 8 bytes where both outcomes of a market stand in a group', async () => {
  await using database = await createDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'polytape-archive-bytes-'))
  try {
    await fillBookDay(database.pool, '2026-11-20', ROWS, 200)
    const { signal } = new AbortController()
    const source = { relation: 'order_books_20261120', where: 'true' }
    const reading = { pool: database.pool, table: ORDER_BOOKS, source, onProgress: () => undefined }
    const path = join(folder, 'part.parquet')
    const room = { memoryBytes: 150e6, threads: 2, folder }
    const chunks = chunkFiles(reading, folder, signal)
    await buildPart({ table: ORDER_BOOKS, chunks, path, room, onStage: () => undefined, signal })
    expect(statSync(path).size / ROWS).toBeLessThanOrEqual(8)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
