import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { REPOSITORY } from '../../src/local/repository.ts'
import { untilLive, type Recorded } from './recording.ts'
import { openTestFolder, type TestFolder } from './services-folder.ts'
import { createDatabase, openRedis, openTemporal, type TestTemporal } from './services.ts'
import { until } from './system.ts'
import { openVenueProcess } from './venue-process.ts'

const run = promisify(execFile)

export type Member = {
  role: string
  /** As Temporal names the worker. */
  identity: string
  logged(): string
  /** Resolves with the instant at which it was asked, once it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number>
  /** It stands still until the returned function is called. */
  freeze(): () => void
}

/** The built product, each role a process of its own against servers of its own, as on machines apart. */
export type Fleet = AsyncDisposable &
  Recorded & {
    temporal: TestTemporal
    client: Client
    /** Starts one more process of a role; resolves when it takes tasks. */
    start(role: 'control' | 'feed' | 'normalizer'): Promise<Member>
    /** Which member runs the activity of this workflow. */
    ownerOf(workflowId: string): Promise<Member | undefined>
  }

/** As the image does it: `npm run build`, then nothing but Node. */
const build = async (): Promise<void> => {
  await rm(`${REPOSITORY}/dist`, { recursive: true, force: true })
  await run('npm', ['run', 'build'], { cwd: REPOSITORY })
}

const toMember = async (role: string, child: ChildProcess): Promise<Member> => {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const exited = once(child, 'exit')
  const member: Member = {
    role,
    identity: `${child.pid}@${hostname()}`,
    logged: () => text,
    end: async (signal) => {
      const askedTimeMs = Date.now()
      child.kill(signal)
      await exited
      return askedTimeMs
    },
    freeze: () => {
      child.kill('SIGSTOP')
      return () => void child.kill('SIGCONT')
    },
  }
  await until(`the worker ${role} to take tasks`, () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${text}`)
    return text.includes('worker runs on task queue') || undefined
  })
  return member
}

type Servers = { folder: TestFolder; env: NodeJS.ProcessEnv }

const createMembers = ({ folder, env }: Servers) => {
  const members: Member[] = []
  const spawnBuilt = (name: string, args: string[], more: NodeJS.ProcessEnv): ChildProcess =>
    spawn(process.execPath, [`dist/cli/${name}.js`, ...args], {
      cwd: REPOSITORY,
      env: { ...process.env, ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  const start: Fleet['start'] = async (role) => {
    const stateDir = folder.state.path(`${role}-${members.length}`)
    const member = await toMember(role, spawnBuilt('worker', ['--role', role], { POLYTAPE_STATE_DIR: stateDir }))
    members.push(member)
    return member
  }
  const migrate = async (): Promise<void> => {
    await run(process.execPath, ['dist/cli/migrate.js'], { cwd: REPOSITORY, env: { ...process.env, ...env } })
  }
  return { members, start, migrate }
}

/** Control, two feeds and two normalizers; resolves when every market is live. */
export const openFleet = async (options: { markets: number; rate: number }): Promise<Fleet> => {
  await build()
  const [temporal, redis, database, folder] = await Promise.all([
    openTemporal({ isKept: true }),
    openRedis(),
    createDatabase(),
    openTestFolder(),
  ])
  const venue = await openVenueProcess(['--markets', String(options.markets), '--rate', String(options.rate)])
  const connection = await Connection.connect({ address: temporal.address })
  const client = new Client({ connection })
  const reader = redis.connect()
  const { members, start, migrate } = createMembers({
    folder,
    env: {
      ...venue.env,
      REDIS_URL: redis.url,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporal.address,
      POLYTAPE_TOP: String(options.markets),
      STREAM_HMAC_KEY: 'fleet:one secret for all machines',
    },
  })
  await migrate()
  await Promise.all((['control', 'feed', 'feed', 'normalizer', 'normalizer'] as const).map(start))
  await untilLive(database.pool, options.markets)
  return {
    venue,
    system: { redis: () => reader },
    pool: database.pool,
    temporal,
    client,
    start,
    ownerOf: async (workflowId) => {
      const { pendingActivities } = (await client.workflow.getHandle(workflowId).describe()).raw
      const identity = pendingActivities?.[0]?.lastWorkerIdentity
      return members.find((member) => member.identity === identity)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map((member) => member.end('SIGTERM')))
      reader.disconnect()
      await connection.close()
      const held = [venue, temporal, redis, database, folder]
      await Promise.all(held.map((one) => one[Symbol.asyncDispose]()))
    },
  }
}
