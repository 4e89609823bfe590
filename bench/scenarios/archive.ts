import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { chunkFiles, postgresSums } from '../../src/activities/archive-chunks.ts'
import { hashFile } from '../../src/activities/archive-write.ts'
import { differenceOf } from '../../src/archive/checksum.ts'
import { buildPart, readTotals } from '../../src/archive/part-file.ts'
import { openObjectStore } from '../../src/archive/store/open.ts'
import { ORDER_BOOKS } from '../../src/archive/tables.ts'
import { openPostgres } from '../../test/support/services.ts'
import { fillBookDay } from '../support/book-day.ts'
import { atMost, figure, shareOf, toText, type Figure } from '../support/figure.ts'
import { hotBytes } from '../support/relation-sizes.ts'
import type { Scenario } from '../support/scenario.ts'

export type ArchiveOptions = {
  rows: number
  markets: number
  memoryMb: number
  /** Where the object goes: undefined for a folder, or S3 as ARCHIVE_URL has it. */
  url: string | undefined
}

const DAY = '2026-06-05'
const RELATION = 'order_books_20260605'

const peakMb = (): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1_024)
const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000

type Stages = { stage: <T>(name: string, run: () => Promise<T>) => Promise<T>; figures: Figure[] }

/** Times what it is given, one after the other. */
const newStages = (rows: number, say: (line: string) => void): Stages => {
  const figures: Figure[] = []
  const stage: Stages['stage'] = async (name, run) => {
    const [startMs, startCpuMs] = [performance.now(), cpuMs()]
    const result = await run()
    const tookMs = performance.now() - startMs
    const cores = ((cpuMs() - startCpuMs) / tookMs).toFixed(2)
    const note = `${(tookMs / 1_000).toFixed(1)} s, ${cores} cores here, peak ${peakMb()} MB`
    figures.push(figure(`  ${name}`, (rows / tookMs) * 1_000, 'rows/s', { note }))
    say(`${name}: ${note}`)
    return result
  }
  return { stage, figures }
}

/** What reading alone takes: the same rows as text, thrown away. */
const readAlone = async (pool: pg.Pool): Promise<number> => {
  const client = await pool.connect()
  const startMs = performance.now()
  try {
    const stream = client.query(copyTo(`copy ${RELATION} to stdout`))
    for await (const _ of stream) continue
    return performance.now() - startMs
  } finally {
    client.release()
  }
}

const archiveDay = async (pool: pg.Pool, folder: string, options: ArchiveOptions, { stage, figures }: Stages) => {
  const { rows, memoryMb, url } = options
  const signal = new AbortController().signal
  await using store = openObjectStore(url ?? pathToFileURL(join(folder, 'objects')).href)
  const room = { memoryBytes: memoryMb * 1e6, threads: 2, folder }
  const reading = {
    pool,
    table: ORDER_BOOKS,
    source: { relation: RELATION, where: 'true' },
    onProgress: () => undefined,
  }
  const [path, back] = [join(folder, 'part.parquet'), join(folder, 'back.parquet')]
  const key = 'table=order_books/bench.parquet'
  const onStage = (): void => undefined
  const startMs = performance.now()
  await stage('read, sort, write', () =>
    buildPart({ table: ORDER_BOOKS, chunks: chunkFiles(reading, folder, signal), path, room, onStage, signal }),
  )
  const { bytes } = await stage('upload', async () =>
    store.put(key, path, { sha256: await hashFile(path, signal), signal }),
  )
  await stage('read back', () => store.get(key, back, { signal }))
  const found = await stage('sum up the object', () => readTotals({ table: ORDER_BOOKS, path: back, room }, signal))
  const expected = await stage('sum up in Postgres', () => postgresSums(reading, signal))
  const tookMs = performance.now() - startMs
  await store.remove(key)
  const difference = differenceOf(expected, found)
  if (difference !== undefined) throw new Error(`the object is not the rows: ${difference}`)
  const rate = (rows / tookMs) * 1_000
  const alone = (rows / (await readAlone(pool))) * 1_000
  return [
    figure('archived and proved', rate, 'rows/s', { note: `${toText(rows)} rows, ${(tookMs / 1_000).toFixed(1)} s` }),
    shareOf('COPY out of the same rows', rate, alone),
    ...figures,
    figure('cold: Parquet', bytes / rows, 'bytes a row', { bound: atMost(10) }),
  ]
}

/** A day from Postgres to its proved object, stage by stage, and what it takes hot and cold. */
export const measureArchive = async (options: ArchiveOptions, say: (line: string) => void): Promise<Figure[]> => {
  await using postgres = await openPostgres()
  const pool = new pg.Pool({ connectionString: postgres.url, max: 4 })
  pool.on('error', () => undefined)
  const folder = mkdtempSync(join(tmpdir(), 'polytape-bench-archive-'))
  try {
    await fillBookDay(pool, DAY, options.rows, options.markets)
    say(`${toText(options.rows)} rows of ${options.markets} markets are in Postgres`)
    const figures = await archiveDay(pool, folder, options, newStages(options.rows, say))
    return [...figures, ...(await hotBytes(pool, RELATION))]
  } finally {
    await pool.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

export const archive: Scenario = {
  name: 'archive',
  what: 'a day from Postgres to Parquet, read back and proved; bytes a row hot and cold',
  run: ({ isQuick, say }) =>
    measureArchive({ rows: isQuick ? 300_000 : 3_000_000, markets: 200, memoryMb: 150, url: undefined }, say),
}
