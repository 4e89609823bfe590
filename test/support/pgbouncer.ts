import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import pg from 'pg'
import { freePort, waitUntil } from '../../src/local/ports.ts'
import type { ProcessSpec } from '../../src/local/launch.ts'
import { amRoot, postgresUser, type User } from '../../src/local/unprivileged.ts'
import { obtainDebianTools } from './debian-tool.ts'
import type { TestFolder } from './services-folder.ts'
import { openServerOnFreePort, type TestServer } from './services-process.ts'

const obtain = async () => {
  const [tool] = await obtainDebianTools({ package: 'pgbouncer', names: ['pgbouncer'], hasLibraries: true })
  return tool ?? { type: 'absent' as const, reason: 'Debian has no pgbouncer' }
}

/** Why tests that need it cannot run, said on the screen too; undefined where they can. */
export const whyNoPgbouncer = async (): Promise<string | undefined> => {
  const tool = await obtain()
  if (tool.type === 'found') return undefined
  console.error(`skipped: these tests need pgbouncer. ${tool.reason}`)
  return tool.reason
}

const settings = (server: URL, port: number, usersPath: string): string => `
[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${usersPath}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 200
server_login_retry = 1
`

const ping = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end()
  }
}

type Setting = { binary: string; user: User | undefined; server: URL }

const specOf = ({ binary, user, server }: Setting, { state }: TestFolder, port: number): ProcessSpec => {
  const folder = state.path('pgbouncer')
  mkdirSync(folder)
  const write = (name: string, text: string): string => {
    const path = state.path('pgbouncer', name)
    writeFileSync(path, text, { mode: 0o600 })
    if (user !== undefined) chownSync(path, user.uid, user.gid)
    return path
  }
  const users = write('users.txt', `"${server.username}" "${decodeURIComponent(server.password)}"\n`)
  const config = write('pgbouncer.ini', settings(server, port, users))
  const url = withPort(server, port)
  return {
    name: 'pgbouncer',
    kind: 'server',
    command: binary,
    args: [config],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
    user,
    stopSignal: 'SIGINT',
    logPath: state.logPath('pgbouncer'),
    ready: (signal) => waitUntil(() => ping(url), 30_000, signal),
  }
}

const withPort = (server: URL, port: number): string => {
  const address = new URL(server)
  address.port = String(port)
  return address.href
}

export type TestPgbouncer = TestServer & { url: string }

/** A pooler in transaction mode before the Postgres of this address, with Debian's defaults: no start-up parameter passes. */
export const openPgbouncer = async (databaseUrl: string): Promise<TestPgbouncer> => {
  const tool = await obtain()
  if (tool.type === 'absent') throw new Error(tool.reason)
  const setting = {
    binary: tool.path,
    // It refuses to run as root.
    user: amRoot() ? await postgresUser() : undefined,
    server: new URL(databaseUrl),
  }
  const { server, port } = await openServerOnFreePort(
    () => freePort(0),
    async (folder, at) => specOf(setting, folder, at),
  )
  return { ...server, url: withPort(setting.server, port) }
}
