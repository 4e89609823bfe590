import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { chunkFiles } from '../../src/activities/archive-chunks.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { openArchiveDays } from '../support/archive-fixture.ts'

const { at, pool, ask } = await openArchiveDays(5_000)

/** Few rows a page: more pages than one chunk has. */
const FILL = `
create table sparse (like order_books) with (fillfactor = 10);
insert into sparse select b.* from order_books b, generate_series(1, 7)`
const FAILS_IN_THE_SECOND = `1 / (case when ctid >= '(4096,0)'::tid then 0 else 1 end) = 1`

test('a chunk that fails while its reader is busy with the one before is an error of the reader, and ends no process', async () => {
  await ask(FILL)
  const unheard: unknown[] = []
  const hear = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  const { folder } = at.archive
  mkdirSync(folder, { recursive: true })
  const failed = once(pool, 'remove')
  const source = { relation: 'sparse', where: FAILS_IN_THE_SECOND }
  const read: string[] = []
  const reading = async (): Promise<void> => {
    const given = { pool, table: ORDER_BOOKS, source, onProgress: () => undefined }
    for await (const path of chunkFiles(given, folder, AbortSignal.timeout(60_000))) {
      read.push(path)
      await failed
      await turn()
    }
  }
  await expect(reading()).rejects.toThrow('division by zero')
  expect(read).toHaveLength(1)
  expect(unheard).toEqual([])
})
