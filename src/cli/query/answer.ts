import type { DuckDBConnection } from '@duckdb/node-api'
import { createReadStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { literal } from '../../archive/duckdb.ts'
import type { AnswerColumn } from './statement.ts'
import { draftPath, type Workspace } from './workspace.ts'

type FileFormat = 'csv' | 'parquet' | 'json'

const OPTIONS: Readonly<Record<FileFormat, string>> = {
  csv: 'format csv, header true',
  parquet: 'format parquet, compression zstd',
  json: 'format json, array true',
}

/** JSON has no decimals: a reader would make floats of prices, so they are texts there. */
const forFormat = (statement: string, format: FileFormat, columns: AnswerColumn[]): string => {
  const decimals = columns
    .filter(({ type }) => type.startsWith('DECIMAL'))
    .map(({ name }) => `"${name.replaceAll('"', '""')}"`)
  if (format !== 'json' || decimals.length === 0) return statement
  const replaced = decimals.map((name) => `${name}::varchar as ${name}`).join(', ')
  return `select * replace (${replaced}) from (${statement}\n)`
}

const writeFile = async (
  connection: DuckDBConnection,
  { statement, columns, format, path }: Wanted & { path: string },
): Promise<number> => {
  const select = forFormat(statement, format, columns)
  // The draft is one by itself, and beside it nothing may be written.
  return (await connection.run(`copy (${select}\n) to ${literal(path)} (${OPTIONS[format]}, use_tmp_file false)`))
    .rowsChanged
}

/** `output`: the file that the workspace was opened for, or one in its folder; without it the answer goes to `out`. */
export type Wanted = { statement: string; columns: AnswerColumn[]; format: FileFormat }
export type Target = { output: string | undefined; out: Writable }

/** Writes the answer; how many rows. A file is there whole or not at all. */
export const writeAnswer = async (workspace: Workspace, wanted: Wanted, { output, out }: Target): Promise<number> => {
  const path = output === undefined ? join(workspace.folder, 'answer') : draftPath(output)
  const rows = await writeFile(workspace.connection, { ...wanted, path })
  if (output === undefined) await pipeline(createReadStream(path), out, { end: false })
  else await rename(path, resolve(output))
  return rows
}
