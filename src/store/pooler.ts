import pg from 'pg'

/** `proxy`: something stands between, but a session stays one. */
export type Route = { type: 'direct' | 'proxy' | 'transaction_pooler'; how: string }

/** Neon's pooled host names: `ep-…-pooler.<region>.aws.neon.tech`. */
const POOLED_HOST = /^([^.]+)-pooler\./
const TRIES = 5

/** The address without its pooler, where its host name tells. */
export const directUrlOf = (url: string): string | undefined => {
  const address = new URL(url)
  if (!POOLED_HOST.test(address.hostname)) return undefined
  address.hostname = address.hostname.replace(POOLED_HOST, '$1.')
  return address.href
}

/** The process that the server named when the client connected. */
const namedPid = (client: pg.Client): number | undefined =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : undefined

const backendPid = async (client: pg.Client): Promise<number | undefined> =>
  (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid

/**
 * A second client in a transaction gets the server process of the first, or the first another than before: no session
 * does that. A pooler lends out what was given back last, so the first try mostly shows it.
 */
const sharesProcesses = async (client: pg.Client, other: pg.Client): Promise<boolean> => {
  const first = await backendPid(client)
  await other.query('begin')
  try {
    if ((await backendPid(other)) === first) return true
  } finally {
    await other.query('rollback')
  }
  return (await backendPid(client)) !== first
}

const connected = async <T>(url: string, run: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}

/**
 * How a connected client reaches its server. A proxy answers with process ids of its own, as a session's pooler does; only
 * a pooler in transaction mode lends one server process to two clients.
 */
export const routeOf = async (client: pg.Client, url: string): Promise<Route> => {
  if (directUrlOf(url) !== undefined) {
    return { type: 'transaction_pooler', how: 'its host name ends in -pooler, as those of Neon do' }
  }
  const named = namedPid(client)
  if (named !== undefined && named === (await backendPid(client))) {
    return { type: 'direct', how: 'the server process is the one that was named at the connect' }
  }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (await connected(url, (other) => sharesProcesses(client, other))) {
      return { type: 'transaction_pooler', how: 'two connections were served by one server process' }
    }
  }
  return { type: 'proxy', how: 'the server process is another than was named at the connect, and stays the same' }
}
