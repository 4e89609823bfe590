import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { directUrlOf, routeOf } from './pooler.ts'

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

const namesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.slice(0, -'.sql'.length))
    .toSorted()

const DONE = 'select name from migrations'

/** Names of the migrations that a database lacks. */
export const pendingMigrations = async (client: pg.ClientBase, folder: string = FOLDER): Promise<string[]> => {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass('migrations') is not null as there`)
  const done = rows[0]?.there === true ? (await client.query<{ name: string }>(DONE)).rows : []
  const names = new Set(done.map(({ name }) => name))
  return namesIn(folder).filter((name) => !names.has(name))
}

/** Nothing that waiting would mend. */
export class NeedsDirectConnection extends Error {}

/** @throws NeedsDirectConnection where a session's lock would be left on a connection that others are lent. */
const refusePooler = async (client: pg.Client, url: string): Promise<void> => {
  const { type, how } = await routeOf(client, url)
  if (type !== 'transaction_pooler') return
  const direct = directUrlOf(url)
  const host = direct === undefined ? 'the address of Postgres itself' : `the host ${new URL(direct).host}`
  throw new NeedsDirectConnection(
    `expected a direct connection for migrations, got a pooler in transaction mode (${how}): it would lose the lock ` +
      `that keeps two of them apart. Set DATABASE_URL to ${host}; DATABASE_POOLED_URL may keep this one, for reads`,
  )
}

/**
 * Brings the schema forward: all new files of `migrations/` in one transaction, under an advisory lock on which a
 * concurrent start waits. Where there is nothing to do, a pooler does as well.
 *
 * @returns names of the migrations that ran.
 */
export const migrate = async (databaseUrl: string, folder: string = FOLDER): Promise<string[]> => {
  const done = await withClient(databaseUrl, async (dbClient) => {
    if ((await pendingMigrations(dbClient, folder)).length === 0) return []
    await refusePooler(dbClient, databaseUrl)
    return runner({
      dbClient,
      dir: folder,
      direction: 'up',
      migrationsTable: 'migrations',
      advisoryLockMode: 'wait',
      logger: quiet,
      ignorePattern: '(?!.*\\.sql$).*',
    })
  })
  return done.map((migration) => migration.name)
}
