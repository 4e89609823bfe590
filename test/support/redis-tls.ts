import { mkdirSync } from 'node:fs'
import { Redis } from 'ioredis'
import { freePort } from '../../src/local/ports.ts'
import { redisSpec } from '../../src/local/redis.ts'
import { runCommand } from '../../src/local/run-command.ts'
import type { TestFolder } from './services-folder.ts'
import { redisServer } from './services.ts'
import { openServerOnFreePort, type TestServer } from './services-process.ts'

const openssl = async (cwd: string, args: string[]): Promise<void> => {
  const { code, output } = await runCommand('openssl', args, { timeoutMs: 60_000, env: process.env, cwd })
  if (code !== 0) throw new Error(`openssl ${args[0]} failed (code ${code}):\n${output}`)
}

const NEW_KEY = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
const AUTHORITY = ['-subj', '/CN=polytape tests', '-addext', 'basicConstraints=critical,CA:TRUE']
const SERVER = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-CA', 'ca.crt', '-CAkey', 'ca.key']

/** An authority of our own (`ca.crt`) and a certificate of 127.0.0.1 that it signed (`server.crt`). */
const makeCertificates = async (folder: string): Promise<void> => {
  await openssl(folder, [...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.crt', ...AUTHORITY])
  await openssl(folder, [...NEW_KEY, '-keyout', 'server.key', '-out', 'server.crt', ...SERVER])
}

/** Commands that wait, under no name that anybody knows, as a proxy refuses them. */
const NO_BLOCKING = ['BZMPOP', 'BZPOPMIN', 'BLPOP', 'XREADGROUP'].flatMap((name) => ['--rename-command', name, ''])

const tlsArgs = (folder: string, port: number): string[] => {
  const files = ['--tls-cert-file', `${folder}/server.crt`, '--tls-key-file', `${folder}/server.key`]
  const authority = ['--tls-ca-cert-file', `${folder}/ca.crt`, '--tls-auth-clients', 'no']
  return ['--tls-port', String(port), ...files, ...authority]
}

export type ManagedRedis = TestServer & {
  /** `rediss://`, with the password. */
  url: string
  /** The same server without TLS. */
  plainUrl: string
  /** The certificate of the authority, for NODE_EXTRA_CA_CERTS. */
  caPath: string
  /** Another look at the same data, for a process that began without the authority. */
  connect: () => Redis
}

export const MANAGED_PASSWORD = 'kept-from-every-line'

/** A Redis as managed ones are: a password, TLS, and nothing that blocks. */
export const openManagedRedis = async (): Promise<ManagedRedis> => {
  const binary = await redisServer()
  let [home, plainPort] = ['', 0]
  const { server, port } = await openServerOnFreePort(
    () => freePort(0),
    async ({ state }: TestFolder, at) => {
      home = state.path('redis')
      mkdirSync(home, { recursive: true })
      plainPort = await freePort(0)
      await makeCertificates(home)
      const spec = redisSpec(binary, { folder: home, logPath: state.logPath('redis') }, plainPort)
      const password = ['--requirepass', MANAGED_PASSWORD]
      const ready = { ...spec, ready: () => answers(plainPort) }
      return { ...ready, args: [...spec.args, ...tlsArgs(home, at), ...password, ...NO_BLOCKING] }
    },
  )
  return {
    ...server,
    url: `rediss://default:${MANAGED_PASSWORD}@127.0.0.1:${port}`,
    plainUrl: `redis://default:${MANAGED_PASSWORD}@127.0.0.1:${plainPort}`,
    caPath: `${home}/ca.crt`,
    connect: () => new Redis({ port: plainPort, password: MANAGED_PASSWORD, maxRetriesPerRequest: null }),
  }
}

const answers = async (port: number): Promise<void> => {
  const redis = new Redis({ port, password: MANAGED_PASSWORD, maxRetriesPerRequest: 50, retryStrategy: () => 100 })
  redis.on('error', () => undefined)
  try {
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}
