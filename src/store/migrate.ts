import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'

const FOLDER = fileURLToPath(new URL('../../migrations', import.meta.url))

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** `duplicate_database`, or the unique violation in pg_database that two creators at the same moment get. */
const alreadyThere = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505')

/** Creates the database that the address names, by way of the database `postgres` of the same server. */
export const createDatabaseIfMissing = async (databaseUrl: string): Promise<void> => {
  const address = new URL(databaseUrl)
  const name = decodeURIComponent(address.pathname.slice(1))
  address.pathname = '/postgres'
  const client = new pg.Client({ connectionString: address.href })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`)
  } catch (error) {
    if (!alreadyThere(error)) throw error
  } finally {
    await client.end()
  }
}

/**
 * Brings the schema forward: all new files of `migrations/` in one transaction, under an advisory lock on which a
 * concurrent start waits.
 *
 * @returns names of the migrations that ran.
 */
export const migrate = async (databaseUrl: string, folder: string = FOLDER): Promise<string[]> => {
  if (!readdirSync(folder).some((name) => name.endsWith('.sql'))) return []
  const done = await runner({
    databaseUrl,
    dir: folder,
    direction: 'up',
    migrationsTable: 'migrations',
    advisoryLockMode: 'wait',
    logger: quiet,
    ignorePattern: '(?!.*\\.sql$).*',
  })
  return done.map((migration) => migration.name)
}
