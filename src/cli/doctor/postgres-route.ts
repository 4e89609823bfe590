import pg from 'pg'
import { routeOf, type Route } from '../../store/pooler.ts'
import { addressOf, type Place } from '../polytape/places.ts'
import { fail, ok, warn, type Verdict } from './finding.ts'

const connected = async <T>(url: string, look: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 5_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await look(client)
  } finally {
    await client.end()
  }
}

const WORDS: Record<Route['type'], string> = {
  direct: 'direct',
  proxy: 'by a proxy that keeps sessions',
  transaction_pooler: 'by a pooler in transaction mode',
}

export const routeVerdict = async (url: string): Promise<Verdict> => {
  const { type, how } = await connected(url, (client) => routeOf(client, url))
  const found = `${WORDS[type]}: ${how}`
  if (type !== 'transaction_pooler') return ok(found)
  return warn(
    `${found}; it records, but does not migrate`,
    'set DATABASE_URL to the direct address, and DATABASE_POOLED_URL to this one for reads',
  )
}

/** Which database it is, whatever leads there. */
const IDENTITY = `
select concat_ws(' ', current_database(), (select oid from pg_database where datname = current_database()),
  (select system_identifier from pg_control_system())) as identity`

type Asked = { query: (text: string) => Promise<{ rows: { identity: string }[] }> }
const identityOf = async (asked: Asked): Promise<string> => (await asked.query(IDENTITY)).rows[0]?.identity ?? ''

export const pooledVerdict = (place: Place, pool: pg.Pool): Promise<Verdict> =>
  connected(place.url, async (client) => {
    const { type } = await routeOf(client, place.url)
    const [here, there] = await Promise.all([identityOf(client), identityOf(pool)])
    if (here !== there) {
      return fail(
        `${addressOf(place)} leads to another database than DATABASE_URL`,
        'set DATABASE_POOLED_URL to the pooled address of the same database',
      )
    }
    return ok(`${addressOf(place)} (${place.source}) leads to the same database, ${WORDS[type]}`)
  })
