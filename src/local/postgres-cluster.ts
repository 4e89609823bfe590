import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { ProcessSpec } from './launch.ts'
import { markOf, stopMarked } from './os-process.ts'
import { waitUntil } from './ports.ts'
import { runCommand } from './run-command.ts'
import type { User } from './unprivileged.ts'

/** Passwords over loopback TCP (scram-sha-256), no unix socket: other users of the machine cannot enter. */
export type Cluster = { native: string; home: string; user: User | undefined; password: string; logPath: string }

export const DATABASE_USER = 'polytape'

export const newPassword = (): string => randomBytes(18).toString('hex')

const folderOf = (cluster: Cluster): string => join(cluster.home, 'data')

/** The server's and initdb's own variables must not leak in from a developer's shell. */
const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' })

const initdb = async (cluster: Cluster, folder: string): Promise<void> => {
  const passwordFile = join(cluster.home, 'initdb-password')
  writeFileSync(passwordFile, cluster.password, { mode: 0o600 })
  const { user } = cluster
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid)
  const flags = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin']
  const who = [`--username=${DATABASE_USER}`, `--pwfile=${passwordFile}`, `--builtin-locale=C.UTF-8`]
  try {
    const options = { timeoutMs: 60_000, env: environment(), user, cwd: cluster.home }
    const result = await runCommand(
      join(cluster.native, 'bin/initdb'),
      [`--pgdata=${folder}`, ...flags, ...who],
      options,
    )
    if (result.code !== 0) throw new Error(`initdb failed (code ${result.code}):\n${result.output}`)
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** Makes the data folder once; a folder that an interrupted initdb left is never taken for a whole one. */
export const initialise = async (cluster: Cluster): Promise<'created' | 'existing'> => {
  const folder = folderOf(cluster)
  if (existsSync(join(folder, 'PG_VERSION'))) return 'existing'
  const draft = `${folder}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  if (cluster.user !== undefined) chownSync(draft, cluster.user.uid, cluster.user.gid)
  await initdb(cluster, draft)
  renameSync(draft, folder)
  return 'created'
}

/** A server on our own data folder that no record knows: its pid file does. */
export const stopForgotten = async (cluster: Cluster): Promise<void> => {
  const pidFile = join(folderOf(cluster), 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const shown = await runCommand('ps', ['-o', 'args=', '-p', String(pid)], { timeoutMs: 5_000, env: process.env })
  if (shown.output.includes(folderOf(cluster))) await stopMarked(markOf(pid), 'SIGINT', 10_000)
}

export const databaseUrl = (port: number, password: string, database: string): string =>
  `postgres://${DATABASE_USER}:${password}@127.0.0.1:${port}/${database}`

const selectOne = async (connectionString: string): Promise<void> => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end().catch(() => undefined)
  }
}

export type ServerChoice = { port: number; flags: string[] }

export const clusterSpec = (cluster: Cluster, { port, flags }: ServerChoice): ProcessSpec => {
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'timezone=UTC', ...flags]
  return {
    name: 'postgres',
    kind: 'server',
    command: join(cluster.native, 'bin/postgres'),
    args: ['-D', folderOf(cluster), ...settings.flatMap((setting) => ['-c', setting])],
    env: environment(),
    cwd: cluster.home,
    user: cluster.user,
    // "fast" shutdown: does not wait for clients
    stopSignal: 'SIGINT',
    logPath: cluster.logPath,
    ready: (signal) => waitUntil(() => selectOne(databaseUrl(port, cluster.password, 'postgres')), 60_000, signal),
  }
}
