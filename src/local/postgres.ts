import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { KeptProcess } from './kept-process.ts'
import {
  clusterSpec,
  DATABASE_USER,
  databaseUrl,
  initialise,
  newPassword,
  stopForgotten,
  type Cluster,
} from './postgres-cluster.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import type { Site } from './site.ts'
import { startOnPort } from './start-on-port.ts'
import type { StateDir } from './state-dir.ts'
import { amRoot, postgresHome, postgresUser } from './unprivileged.ts'

export type Postgres = {
  url: string
  /** Whether we may create the database that the address names. */
  ours: boolean
  kept: KeptProcess | undefined
  said: string
}

const passwordOf = (state: StateDir): string => {
  const path = state.path('postgres-password')
  if (!existsSync(path)) writeFileSync(path, newPassword(), { mode: 0o600 })
  return readFileSync(path, 'utf8').trim()
}

const openCluster = async (state: StateDir): Promise<Cluster> => {
  const user = amRoot() ? await postgresUser() : undefined
  return {
    native: postgresBinaries(user),
    home: postgresHome(state, user),
    user,
    password: passwordOf(state),
    logPath: state.logPath('postgres'),
  }
}

/** `DATABASE_URL` if given, else the embedded Postgres of npm with one cluster a state folder and one database a venue. */
export const openPostgres = async (site: Site): Promise<Postgres> => {
  const given = site.env['DATABASE_URL']
  if (given !== undefined && given !== '') {
    return { url: given, ours: false, kept: undefined, said: 'Postgres  the one of DATABASE_URL' }
  }
  const cluster = await openCluster(site.state)
  await stopForgotten(cluster)
  const made = await initialise(cluster)
  const flags = ['max_connections=60', 'shared_buffers=256MB', 'max_wal_size=2GB']
  const { kept, port } = await startOnPort(site, 'postgres', 15432, (at) => clusterSpec(cluster, { port: at, flags }))
  const passLine = `127.0.0.1:${port}:*:${DATABASE_USER}:${cluster.password}\n`
  writeFileSync(site.state.path('pgpass'), passLine, { mode: 0o600 })
  const as = cluster.user === undefined ? '' : `, as uid ${cluster.user.uid}`
  const said = `Postgres  embedded, ${made} data in ${cluster.home}, port ${port}${as}`
  return { url: databaseUrl(port, cluster.password, `polytape_${site.venue}`), ours: true, kept, said }
}
