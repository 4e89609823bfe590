import { Redis } from 'ioredis'
import pg from 'pg'
import { reasonOf } from '../../workers/until-reachable.ts'
import { addressOf, type Place } from './places.ts'

const CONNECT_TIMEOUT_MS = 3_000
/** A rebuild takes milliseconds; a person should not wait for ever for a busy server. */
const STATEMENT_TIMEOUT_MS = 30_000
/** undefined_function, undefined_table, undefined_column */
const OLD_SCHEMA: ReadonlySet<string> = new Set(['42883', '42P01', '42703'])

export type Opened<T> = AsyncDisposable & { client: T }

/** A pooler knows no such parameter: protocol_violation. */
const isRefusedParameter = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '08P01'

/** Connected once. @throws what the first query was answered with */
const openPool = async (config: pg.PoolConfig): Promise<pg.Pool> => {
  const pool = new pg.Pool({
    max: 1,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'polytape-cli',
    ...config,
  })
  pool.on('error', () => undefined)
  try {
    await pool.query('select')
    return pool
  } catch (error) {
    await pool.end()
    throw error
  }
}

/** By the server, which then ends the query too; where a pooler is in between, by us. */
const openWithTimeout = (connectionString: string, timeoutMs: number): Promise<pg.Pool> =>
  openPool({ connectionString, statement_timeout: timeoutMs }).catch((error: unknown) => {
    if (!isRefusedParameter(error)) throw error
    return openPool({ connectionString, query_timeout: timeoutMs })
  })

/**
 * `statementTimeoutMs`: 0 = none.
 *
 * @throws Error that says which address did not answer, where it was found, and what to do.
 */
export const openDatabase = async (
  place: Place,
  statementTimeoutMs = STATEMENT_TIMEOUT_MS,
): Promise<Opened<pg.Pool>> => {
  try {
    const client = await openWithTimeout(place.url, statementTimeoutMs)
    return { client, [Symbol.asyncDispose]: () => client.end() }
  } catch (error) {
    throw new Error(
      `expected Postgres at ${addressOf(place)} (${place.source}) to answer, got: ${reasonOf(error)}\n` +
        'start polytape with `npm start`, or set DATABASE_URL to a database that it writes',
      { cause: error },
    )
  }
}

/** @throws Error whose message is the reason alone: the caller goes on with another source and says so. */
export const openCache = async (place: Place): Promise<Opened<Redis>> => {
  let reason = 'no answer'
  const client = new Redis(place.url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  client.on('error', (error) => {
    reason = reasonOf(error)
  })
  try {
    await client.connect()
  } catch (error) {
    client.disconnect()
    throw new Error(reason === 'no answer' ? reasonOf(error) : reason, { cause: error })
  }
  const dispose = (): Promise<void> => {
    client.disconnect()
    return Promise.resolve()
  }
  return { client, [Symbol.asyncDispose]: dispose }
}

/** What a person can do about an error of a query. */
export const explained = (error: unknown): string => {
  const isOld = error instanceof pg.DatabaseError && OLD_SCHEMA.has(error.code ?? '')
  const reason = error instanceof Error && error.cause !== undefined ? error.message : reasonOf(error)
  return isOld ? `${reason}\nthe schema of this database is older than this command: npm run migrate` : reason
}
