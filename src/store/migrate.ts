import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** `duplicate_database`, or the unique violation in pg_database that two creators at the same moment get. */
const alreadyThere = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505')

/** A connection that the server ends between two queries fails the next query, not the process. */
const withClient = async <Result>(url: string, run: (client: pg.Client) => Promise<Result>): Promise<Result> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await run(client)
  } finally {
    await client.end()
  }
}

/** Creates the database that the address names, by way of the database `postgres` of the same server. */
export const createDatabaseIfMissing = async (databaseUrl: string): Promise<void> => {
  const address = new URL(databaseUrl)
  const name = decodeURIComponent(address.pathname.slice(1))
  address.pathname = '/postgres'
  await withClient(address.href, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  }).catch((error: unknown) => {
    if (!alreadyThere(error)) throw error
  })
}

/**
 * Brings the schema forward: all new files of `migrations/` in one transaction, under an advisory lock on which a
 * concurrent start waits.
 *
 * @returns names of the migrations that ran.
 */
export const migrate = async (databaseUrl: string, folder: string = FOLDER): Promise<string[]> => {
  if (!readdirSync(folder).some((name) => name.endsWith('.sql'))) return []
  const done = await withClient(databaseUrl, (dbClient) =>
    runner({
      dbClient,
      dir: folder,
      direction: 'up',
      migrationsTable: 'migrations',
      advisoryLockMode: 'wait',
      logger: quiet,
      ignorePattern: '(?!.*\\.sql$).*',
    }),
  )
  return done.map((migration) => migration.name)
}
