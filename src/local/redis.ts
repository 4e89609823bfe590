import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { Redis } from 'ioredis'
import type { KeptProcess } from './kept-process.ts'
import type { ProcessSpec } from './launch.ts'
import { waitUntil } from './ports.ts'
import { INSTALL_COMMAND, obtainRedis } from './redis-install.ts'
import { findOnPath, runCommand } from './run-command.ts'
import type { Site } from './site.ts'
import { startOnPort } from './start-on-port.ts'

export type LocalRedis = { url: string; kept: KeptProcess | undefined; said: string; cli: string }

/** Streams are the only copy of a frame until it is committed: kept on disk, and never evicted. */
const REDIS_SETTINGS = [
  'appendonly yes',
  'appendfsync everysec',
  // A rewrite forks and takes a core for a second: at 64 MB, the default, about once a minute at 1,000 frames/s.
  'auto-aof-rewrite-min-size 256mb',
  'maxmemory-policy noeviction',
  'save ',
]

const IMAGE = 'redis:7.4.2'

const settingArgs = (): string[] =>
  REDIS_SETTINGS.flatMap((setting) => {
    const [name = '', value = ''] = setting.split(' ')
    return [`--${name}`, value]
  })

/** @throws Error while it is down or still loads its file. */
export const pingRedis = async (url: string): Promise<void> => {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2_000 })
  // The rejection of connect() says only that the connection is closed.
  let cause: Error | undefined
  redis.on('error', (error) => (cause = error))
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    throw cause ?? error
  } finally {
    redis.disconnect()
  }
}

export type RedisPlace = { folder: string; logPath: string }

const base = (place: RedisPlace, port: number) => ({
  name: 'redis',
  kind: 'server' as const,
  env: process.env,
  cwd: place.folder,
  user: undefined,
  stopSignal: 'SIGTERM' as const,
  logPath: place.logPath,
  ready: (signal: AbortSignal) => waitUntil(() => pingRedis(`redis://127.0.0.1:${port}`), 60_000, signal),
})

export const redisSpec = (binary: string, place: RedisPlace, port: number): ProcessSpec => ({
  ...base(place, port),
  command: binary,
  args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', place.folder, ...settingArgs()],
})

const dockerSpec = (docker: string, place: RedisPlace, port: number): ProcessSpec => {
  const name = `polytape-redis-${createHash('sha256').update(place.folder).digest('hex').slice(0, 12)}`
  const run = ['run', '--rm', '--name', name, '-p', `127.0.0.1:${port}:6379`, '-v', `${place.folder}:/data`]
  // A killed `docker run` leaves its container behind.
  const script = '"$0" rm -f "$1" >/dev/null 2>&1; shift; exec "$0" "$@"'
  const args = ['-c', script, docker, name, ...run, IMAGE, 'redis-server', ...settingArgs()]
  return { ...base(place, port), command: '/bin/sh', args }
}

type Way = { said: string; specOf: (place: RedisPlace, port: number) => ProcessSpec; cli: (port: number) => string }

const native = (path: string, said: string): Way => ({
  said,
  specOf: (place, port) => redisSpec(path, place, port),
  cli: (port) => `redis-cli -p ${port}`,
})

const dockerWay = async (): Promise<Way | undefined> => {
  const docker = findOnPath('docker')
  if (docker === undefined) return undefined
  const engine = await runCommand(docker, ['info'], { timeoutMs: 5_000, env: process.env })
  if (engine.code !== 0) return undefined
  const cli = (port: number) => `docker run --rm -it --network host ${IMAGE} redis-cli -p ${port}`
  return { said: `in Docker (${IMAGE})`, specOf: (place, port) => dockerSpec(docker, place, port), cli }
}

const findWay = async (say: (line: string) => void): Promise<Way> => {
  const obtained = await obtainRedis(say)
  if (obtained.type === 'found') return native(obtained.path, obtained.path)
  if (obtained.type === 'installed') return native(obtained.path, "Debian's package, just installed")
  const docker = await dockerWay()
  if (docker !== undefined) return docker
  const command = process.platform === 'darwin' ? 'brew install redis' : INSTALL_COMMAND
  throw new Error(
    `no Redis: REDIS_URL is not set, redis-server is not on PATH, ${obtained.reason}, and no Docker engine answers.\n` +
      `Run this and start again:\n  ${command}`,
  )
}

/** `REDIS_URL`, else redis-server on PATH, else Debian's package, else Docker. One folder a venue. */
export const openLocalRedis = async (site: Site): Promise<LocalRedis> => {
  const given = site.env['REDIS_URL']
  if (given !== undefined && given !== '') {
    return { url: given, kept: undefined, said: 'Redis     the one of REDIS_URL', cli: 'redis-cli -u "$REDIS_URL"' }
  }
  const way = await findWay(site.say)
  const place = { folder: site.state.path(`redis-${site.venue}`), logPath: site.state.logPath('redis') }
  mkdirSync(place.folder, { recursive: true, mode: 0o700 })
  const { kept, port } = await startOnPort(site, 'redis', 16379, (at) => way.specOf(place, at))
  const said = `Redis     ${way.said}, data in ${place.folder}, port ${port}`
  return { url: `redis://127.0.0.1:${port}`, kept, said, cli: way.cli(port) }
}
