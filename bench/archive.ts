import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { chunkFiles, postgresSums } from '../src/activities/archive-chunks.ts'
import { differenceOf } from '../src/archive/checksum.ts'
import { buildPart, readTotals } from '../src/archive/part-file.ts'
import { openObjectStore } from '../src/archive/store/open.ts'
import { ORDER_BOOKS } from '../src/archive/tables.ts'
import { hashFile } from '../src/activities/archive-write.ts'
import { openPostgres } from '../test/support/services.ts'
import { fillBookDay } from './support/book-day.ts'

/**
 * How fast a day goes from Postgres to its proved object, stage by stage, and what it takes: rows as live recording makes them (dense
 * sequences, both clocks in milliseconds, a quarter of the changes removals), busy and quiet markets as 1 : 1,000,000.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    markets: { type: 'string', default: '200' },
    'memory-mb': { type: 'string', default: '150' },
    /** Where the object goes: default a folder. S3 as ARCHIVE_URL has it. */
    url: { type: 'string' },
  },
})
const rows = Number(values.rows)
const DAY = '2026-06-05'
const load = (): string => loadavg().map((value) => value.toFixed(2)).join(' ') // prettier-ignore

const peakMb = (): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024)
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000

const measured = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
  const [startMs, startCpuMs] = [performance.now(), cpuMs()]
  const result = await run()
  const tookMs = performance.now() - startMs
  const rate = Math.round((rows / tookMs) * 1_000).toLocaleString('en-US')
  const cpu = ((cpuMs() - startCpuMs) / tookMs).toFixed(2)
  console.log(
    `${name.padEnd(24)} ${(tookMs / 1_000).toFixed(1).padStart(6)} s  ${rate.padStart(10)} rows/s  ${cpu} cores here, peak ${peakMb()} MB`,
  )
  return result
}

const archiveDay = async (pool: pg.Pool, folder: string): Promise<void> => {
  const signal = new AbortController().signal
  await using store = openObjectStore(values.url ?? pathToFileURL(join(folder, 'objects')).href)
  const room = { memoryBytes: Number(values['memory-mb']) * 1e6, threads: 2, folder }
  const source = { relation: 'order_books_20260605', where: 'true' }
  const reading = { pool, table: ORDER_BOOKS, source, onProgress: () => undefined }
  const [path, back, key] = [
    join(folder, 'part.parquet'),
    join(folder, 'back.parquet'),
    'table=order_books/bench.parquet',
  ]
  const startMs = performance.now()
  let sortingMs = startMs
  const onStage = (): void => {
    sortingMs = performance.now()
  }
  await measured('read, sort, write', () =>
    buildPart({ table: ORDER_BOOKS, chunks: chunkFiles(reading, folder, signal), path, room, onStage, signal }),
  )
  console.log(`  of which reading       ${((sortingMs - startMs) / 1_000).toFixed(1).padStart(6)} s`)
  const { bytes } = await measured('upload', async () =>
    store.put(key, path, { sha256: await hashFile(path, signal), signal }),
  )
  await measured('read back', () => store.get(key, back, { signal }))
  const found = await measured('sum up the object', () => readTotals({ table: ORDER_BOOKS, path: back, room }, signal))
  const expected = await measured('sum up in Postgres', () => postgresSums(reading, signal))
  const tookMs = performance.now() - startMs
  await store.remove(key)
  console.log(
    `together ${(tookMs / 1_000).toFixed(1)} s, ${Math.round((rows / tookMs) * 1_000).toLocaleString('en-US')} rows/s`,
  )
  console.log(
    `${(bytes / rows).toFixed(2)} bytes a row, peak ${peakMb()} MB; ${differenceOf(expected, found) ?? 'equal'}`,
  )
}

const main = async (): Promise<void> => {
  console.log(`load before: ${load()} on ${availableParallelism()} cores`)
  await using postgres = await openPostgres()
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
  pool.on('error', () => undefined)
  const folder = mkdtempSync(join(tmpdir(), 'polytape-bench-archive-'))
  try {
    await fillBookDay(pool, DAY, rows, Number(values.markets))
    console.log(`${rows.toLocaleString('en-US')} rows of ${values.markets} markets are in Postgres`)
    await archiveDay(pool, folder)
  } finally {
    await pool.end()
    rmSync(folder, { recursive: true, force: true })
  }
  console.log(`load after: ${load()}`)
}

await main()
