import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'

export { version as duckdbVersion } from '@duckdb/node-api'

export type DuckdbOptions = {
  /** Of DuckDB's buffers; beyond it, it writes to the folder. Not counted: about 150 MB of Node and of columns in work. */
  memoryBytes: number
  threads: number
  /** Where it keeps what does not fit into memory. */
  folder: string
  /** Absent: the database is in memory. */
  path?: string
}

export type Duckdb = Disposable & { connection: DuckDBConnection }

/** Text as a literal of SQL. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

type Rows = { getRowsJson(): unknown[][] }

/** The rows of a result whose columns are texts. */
export const textRows = (rows: Rows): (string | null)[][] => rows.getRowsJson().map(toTexts)

/** A row of texts; whatever is none is null. */
export const toTexts = (cells: unknown[]): (string | null)[] =>
  cells.map((cell) => (typeof cell === 'string' ? cell : null))

const listOf = (paths: string[]): string => `[${paths.map(literal).join(', ')}]`

/** From now on this database opens files of these folders and at these paths alone, and no statement can allow it more. */
export const confine = async (
  connection: DuckDBConnection,
  { folders, paths }: { folders: string[]; paths: string[] },
): Promise<void> => {
  await connection.run(`set allowed_directories = ${listOf(folders)}; set allowed_paths = ${listOf(paths)}`)
  await connection.run('set enable_external_access = false; set lock_configuration = true')
}

/** Nothing is downloaded: Parquet, JSON and ICU are built in. Times are in UTC. */
export const openDuckdb = async ({ memoryBytes, threads, folder, path }: DuckdbOptions): Promise<Duckdb> => {
  const instance = await DuckDBInstance.create(path ?? ':memory:', {
    memory_limit: `${Math.ceil(memoryBytes / 1_000_000)}MB`,
    threads: String(threads),
    temp_directory: folder,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  await connection.run("set timezone = 'UTC'")
  return {
    connection,
    [Symbol.dispose]: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}
