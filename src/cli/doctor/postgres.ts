import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isRetryable } from '../../store/retryable.ts'
import { reasonOf } from '../../workers/until-reachable.ts'
import { addressOf, type Place } from '../polytape/places.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { isPrivateHost, msText, roundTripVerdict, timed } from './numbers.ts'
import { connectionsVerdict, timeVerdict, versionVerdict, writableVerdict } from './postgres-facts.ts'
import { migrationsVerdict, partitionsVerdict, rightsVerdict } from './postgres-schema.ts'
import { pooledVerdict, routeVerdict } from './postgres-route.ts'
import type { Patient } from './probe.ts'

const AREA = 'postgres'
const CONNECT_MS = 10_000
/** A suspended compute is asked again until it is awake, but not for ever. */
const WAKE_MS = 20_000
const AGAIN_MS = 500
const AWAKE_MS = 1_500
const QUERIES = 10

type Opened = { pool: pg.Pool; connectMs: number }

const createPool = (connectionString: string): pg.Pool => {
  const pool = new pg.Pool({
    connectionString,
    max: 4,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: CONNECT_MS,
    application_name: 'polytape-doctor',
  })
  pool.on('error', () => undefined)
  return pool
}

/** @throws what it answers at last. */
export const openPatiently = async (url: string): Promise<Opened> => {
  const pool = createPool(url)
  const startedMs = performance.now()
  for (;;) {
    try {
      await pool.query('select 1')
      return { pool, connectMs: performance.now() - startedMs }
    } catch (error) {
      const isLate = performance.now() - startedMs > WAKE_MS
      // Where nobody listens at all, nothing is about to wake.
      const isAbsent = /ECONNREFUSED|ENOTFOUND/.test(reasonOf(error))
      if (isLate || isAbsent || !isRetryable(error)) {
        await pool.end()
        throw error
      }
      await sleep(AGAIN_MS)
    }
  }
}

const REMEDIES: [RegExp, string][] = [
  [/password authentication|SASL|no password|pg_hba/i, 'correct the user and password of the address'],
  [/does not support SSL/i, 'leave sslmode out of the address, or use the port that speaks TLS'],
  [
    /certificate|self.signed|ALTNAME/i,
    'trust its authority: NODE_EXTRA_CA_CERTS=<file.pem> or sslrootcert=<file.pem> in the address',
  ],
  [/SSL|TLS|encrypt/i, 'add sslmode=verify-full to the address'],
  [/database .* does not exist/i, 'create the database, or correct its name in the address'],
  [/too many (clients|connections)/i, 'raise max_connections, or end what else is connected'],
  [/ENOTFOUND|EAI_AGAIN/, 'correct the host of the address'],
]

const remedyOf = (reason: string): string =>
  REMEDIES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'start it, or correct DATABASE_URL'

const reachVerdict = async ({ pool, connectMs }: Opened, place: Place): Promise<Verdict> => {
  const where = `${addressOf(place)} (${place.source})`
  const woke = `${where}; its first answer took ${msText(connectMs)}, as of a suspended compute that wakes`
  const times = await timed(QUERIES, () => pool.query('select 1'))
  return roundTripVerdict(connectMs > AWAKE_MS ? woke : where, new URL(place.url).hostname, times)
}

/** What pg makes of sslmode: all but `no-verify` verify, unless libpq's meaning is asked for. */
export const tlsVerdict = ({ url }: Place): Verdict => {
  const { hostname, searchParams } = new URL(url)
  const mode = searchParams.get('sslmode') ?? (searchParams.get('ssl') === 'true' ? 'verify-full' : 'disable')
  const isLax = searchParams.get('uselibpqcompat') === 'true' && mode !== 'verify-full'
  if (mode === 'disable') {
    if (isPrivateHost(hostname)) return ok('not encrypted, on this machine or a private network')
    return warn('not encrypted: password and rows can be read on the way', 'add sslmode=verify-full to the address')
  }
  if (mode !== 'no-verify' && !isLax) return ok(`encrypted, and its certificate holds (sslmode=${mode})`)
  return warn(`encrypted, but anybody may answer in its place (sslmode=${mode})`, 'use sslmode=verify-full')
}

const looksAt = ({ pool }: Opened, { places, config }: Patient) => {
  const remedy = 'give the user of DATABASE_URL the right to it'
  return [
    { what: 'TLS', look: async () => tlsVerdict(places.database), remedy },
    { what: 'route', look: () => routeVerdict(places.database.url), remedy },
    { what: 'version', look: () => versionVerdict(pool), remedy },
    { what: 'writable', look: () => writableVerdict(pool), remedy },
    { what: 'migrations', look: () => migrationsVerdict(pool), remedy },
    { what: 'rights', look: () => rightsVerdict(pool), remedy },
    { what: 'partitions', look: () => partitionsVerdict(pool), remedy },
    { what: 'connections', look: () => connectionsVerdict(pool), remedy },
    { what: 'clock', look: () => timeVerdict(pool), remedy },
    ...(config.DATABASE_POOLED_URL === undefined
      ? []
      : [{ what: 'pooled', look: () => pooledVerdict(places.reads, pool), remedy: 'correct DATABASE_POOLED_URL' }]),
  ]
}

export const probePostgres = async (patient: Patient): Promise<Finding[]> => {
  const { database: place } = patient.places
  const opened = await openPatiently(place.url).catch((error: unknown) => reasonOf(error))
  if (typeof opened === 'string') {
    const found = `${addressOf(place)} (${place.source}): ${opened}`
    return [{ area: AREA, what: 'reachable', ...fail(found, remedyOf(opened)) }]
  }
  try {
    const reach = { what: 'reachable', look: () => reachVerdict(opened, place), remedy: remedyOf('') }
    // Alone, so that it waits for no other.
    const first = await examine(AREA, [reach])
    return [...first, ...(await examine(AREA, looksAt(opened, patient)))]
  } finally {
    await opened.pool.end()
  }
}
