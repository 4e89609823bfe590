import { Redis } from 'ioredis'
import { reasonOf } from '../../workers/until-reachable.ts'
import { addressOf, type Place } from '../polytape/places.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { isPrivateHost, roundTripVerdict, timed } from './numbers.ts'
import type { Patient } from './probe.ts'
import { blockVerdict, pubSubVerdict, requestVerdict, scriptVerdict, streamVerdict } from './redis-commands.ts'
import { appendOnlyVerdict, evictionVerdict, memoryVerdict, readInfo, versionVerdict } from './redis-facts.ts'

const CONNECT_MS = 5_000
const PINGS = 20

/** @throws the first error that was told: those after it say only that the connection is closed. */
const connect = async (url: string): Promise<Redis> => {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: () => null,
  })
  let first: Error | undefined
  client.on('error', (error: Error) => (first ??= error))
  try {
    await client.connect()
    await client.ping()
    return client
  } catch (error) {
    client.disconnect()
    throw first ?? error
  }
}

const REMEDIES: [RegExp, string][] = [
  [
    /certificate|self.signed|ALTNAME/i,
    'trust its authority: NODE_EXTRA_CA_CERTS=<file.pem>, and use the host name that the certificate names',
  ],
  [/WRONGPASS|NOAUTH|invalid username/i, 'correct the user and password in REDIS_URL'],
  [/wrong version number|packet length|EPROTO/i, 'this port speaks no TLS: use redis://, or the port of rediss://'],
  [/Connection is closed|ECONNRESET|socket hang up/i, 'where it speaks TLS only, REDIS_URL must begin with rediss://'],
  [/ENOTFOUND|EAI_AGAIN/, 'correct the host in REDIS_URL'],
]

const remedyOf = (reason: string, { url }: Place): string => {
  const isSilent = /ETIMEDOUT/.test(reason) && url.startsWith('rediss:')
  if (isSilent)
    return 'it does not answer to TLS: use redis:// where it speaks none, or let the firewall pass this port'
  return REMEDIES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'start it, or correct REDIS_URL'
}

const reachVerdict = async (redis: Redis, place: Place): Promise<Verdict> =>
  roundTripVerdict(
    `${addressOf(place)} (${place.source})`,
    new URL(place.url).hostname,
    await timed(PINGS, () => redis.ping()),
  )

/** The client verifies what it is shown: a certificate that does not hold is no connection. */
const tlsVerdict = ({ url }: Place): Verdict => {
  const { protocol, hostname } = new URL(url)
  if (protocol === 'rediss:') return ok('encrypted, and its certificate holds')
  if (isPrivateHost(hostname)) return ok('not encrypted, on this machine or a private network')
  return warn('not encrypted: password and frames can be read on the way', 'begin REDIS_URL with rediss://')
}

export const probeRedis = async ({ places: { redis: place } }: Patient): Promise<Finding[]> => {
  const area = 'redis'
  const opened = await connect(place.url).catch((error: unknown) => reasonOf(error))
  if (typeof opened === 'string') {
    return [
      { area, what: 'reachable', ...fail(`${addressOf(place)} (${place.source}): ${opened}`, remedyOf(opened, place)) },
    ]
  }
  const facts = readInfo(opened)
  const remedy = 'give the user of REDIS_URL the right to it'
  try {
    return await examine(area, [
      { what: 'reachable', look: () => reachVerdict(opened, place), remedy },
      { what: 'TLS', look: async () => tlsVerdict(place), remedy },
      { what: 'version', look: async () => versionVerdict(await facts), remedy },
      { what: 'memory', look: async () => memoryVerdict(await facts), remedy },
      { what: 'eviction', look: async () => evictionVerdict(await facts), remedy },
      { what: 'append-only', look: async () => appendOnlyVerdict(await facts), remedy },
      { what: 'BLOCK', look: () => blockVerdict(() => connect(place.url)), remedy },
      { what: 'streams', look: () => streamVerdict(opened), remedy },
      { what: 'EVAL', look: () => scriptVerdict(opened), remedy },
      { what: 'channels', look: () => pubSubVerdict(() => connect(place.url)), remedy },
      { what: 'requests', look: () => requestVerdict(() => connect(place.url)), remedy },
    ])
  } finally {
    opened.disconnect()
  }
}
