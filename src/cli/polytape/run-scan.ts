import type { Pool } from 'pg'
import { writeAnswer } from '../query/answer.ts'
import { openQuery, type QueryDeps } from '../query/open-query.ts'
import { createProgressLine, progressText, readText, writingText, type ProgressLine } from '../query/progress-line.ts'
import type { Scope } from '../query/scope.ts'
import type { AnswerColumn } from '../query/statement.ts'
import { readTable, tableText } from '../query/table-text.ts'
import { openWorkspace, type Workspace } from '../query/workspace.ts'
import { every } from '../../lib/every.ts'
import { openDatabase } from './connections.ts'
import { findMarket } from './find-market.ts'
import type { Palette } from './paint.ts'
import { openArchive } from './open-archive.ts'
import type { Places } from './places.ts'
import type { ScanCommand } from './scan-command.ts'

/** A market by any of its names; an outcome of it is that outcome alone. */
const findMarkets = async (pool: Pool, names: string[]): Promise<Scope['markets']> => {
  if (names.length === 0) return undefined
  const found = []
  for (const name of names) found.push(await findMarket(pool, name))
  return {
    marketIds: [...new Set(found.map(({ market }) => market.marketId))],
    outcomeIds: [...new Set(found.flatMap(({ outcomes }) => outcomes.map(({ outcomeId }) => outcomeId)))],
  }
}

type Scan = { command: ScanCommand; pool: Pool; workspace: Workspace; line: ProgressLine; palette: Palette }

const WATCH_EVERY_MS = 200

/** Shows how far DuckDB is with what it is doing. */
const watched = async <T>({ workspace, line }: Scan, work: () => Promise<T>): Promise<T> => {
  const done = new AbortController()
  every(
    WATCH_EVERY_MS,
    () => line.show(writingText(Math.max(0, workspace.connection.progress.percentage))),
    done.signal,
  )
  try {
    return await work()
  } finally {
    done.abort()
    line.clear()
  }
}

const answer = async (scan: Scan, columns: AnswerColumn[]): Promise<string> => {
  const { command, workspace, palette } = scan
  const { statement, format, output } = command
  if (format === 'table') {
    return watched(scan, async () => tableText(await readTable(workspace.connection, statement), palette))
  }
  const target = { output, out: process.stdout }
  const rows = await watched(scan, () => writeAnswer(workspace, { statement, columns, format }, target))
  if (output !== undefined) process.stderr.write(`wrote ${rows} ${rows === 1 ? 'row' : 'rows'} to ${output}\n`)
  return ''
}

/** Runs a query over Postgres and the archive; its answer, as far as it is a table. What was read is told on stderr. */
export const runScan = async (command: ScanCommand, places: Places, palette: Palette): Promise<string> => {
  const line = createProgressLine(process.stderr)
  await using database = await openDatabase(places.reads, 0)
  const markets = await findMarkets(database.client, command.markets)
  await using archive = openArchive(places.archive)
  await using workspace = await openWorkspace({ ...archive, output: command.output })
  const scan: Scan = { command, pool: database.client, workspace, line, palette }
  const deps: QueryDeps = {
    ...workspace,
    pool: database.client,
    openObject: archive.openObject,
    onProgress: (progress) => line.show(progressText(progress)),
  }
  const scope: Scope = { markets, fromTimeMs: command.fromTimeMs, toTimeMs: command.toTimeMs }
  const { statement, maxBytes } = command
  const { columns, read } = await openQuery(deps, { statement, scope, maxBytes })
  line.clear()
  process.stderr.write(`${readText(read)}\n`)
  return await answer(scan, columns)
}
