import { createHash } from 'node:crypto'
import { chownSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { runCommand } from './run-command.ts'
import type { StateDir } from './state-dir.ts'

export type User = { uid: number; gid: number }
type Entry = { mode: number; uid: number; gid: number }

export const amRoot = (): boolean => process.getuid?.() === 0

const quick = { timeoutMs: 10_000, env: process.env }

const lookUp = async (name: string): Promise<User | undefined> => {
  const [uid, gid] = await Promise.all([runCommand('id', ['-u', name], quick), runCommand('id', ['-g', name], quick)])
  return uid.code === 0 && gid.code === 0 ? { uid: Number(uid.output), gid: Number(gid.output) } : undefined
}

const createSystemUser = async (name: string): Promise<User | undefined> => {
  const shell = ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', '--user-group', name]
  await runCommand('useradd', shell, quick)
  return lookUp(name)
}

/** Whom Postgres runs as when we are root: `postgres`, else a new system user `polytape`, else `nobody`. */
export const postgresUser = async (): Promise<User> => {
  const user =
    (await lookUp('postgres')) ??
    (await lookUp('polytape')) ??
    (await createSystemUser('polytape')) ??
    (await lookUp('nobody'))
  if (user === undefined)
    throw new Error('Postgres refuses to run as root, and no user postgres, polytape or nobody exists')
  return user
}

export const mayEnter = (entry: Entry, user: User): boolean => {
  if (entry.uid === user.uid) return (entry.mode & 0o100) !== 0
  if (entry.gid === user.gid) return (entry.mode & 0o010) !== 0
  return (entry.mode & 0o001) !== 0
}

/** The folders on the way to a path, the path's own folder last. */
export const ancestors = (path: string): string[] => {
  const parent = dirname(path)
  return parent === path ? [path] : [...ancestors(parent), path]
}

/** Whether the user may enter the folder and all above it; those that do not exist yet are ours to make. */
export const canReach = (folder: string, user: User): boolean =>
  ancestors(folder).every((part) => !existsSync(part) || mayEnter(statSync(part), user))

const BASES = ['/var/lib/polytape', '/opt/polytape', '/var/tmp/polytape']

/** First folder for shared things that the user can enter. */
export const reachableBase = (user: User): string => {
  const base = BASES.find((folder) => canReach(folder, user))
  if (base === undefined)
    throw new Error(`none of ${BASES.join(', ')} can be entered by the user of Postgres (uid ${user.uid})`)
  mkdirSync(base, { recursive: true, mode: 0o755 })
  return base
}

const ownFolder = (folder: string, user: User): string => {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  chownSync(folder, user.uid, user.gid)
  return folder
}

/**
 * Where Postgres's data lies: in the state folder if its user can enter that, else in a folder named after it under
 * /var/lib/polytape, which the state folder remembers. One left by a state folder that was deleted is moved aside.
 */
export const postgresHome = (state: StateDir, user: User | undefined): string => {
  const remembered = state.recall().postgresHome
  if (remembered !== undefined && existsSync(remembered)) return remembered
  const inside = state.path('postgres')
  if (user === undefined) {
    mkdirSync(inside, { recursive: true })
    return inside
  }
  if (canReach(inside, user)) return ownFolder(inside, user)
  const name = createHash('sha256').update(state.root).digest('hex').slice(0, 16)
  const outside = join(reachableBase(user), name)
  if (existsSync(outside)) {
    rmSync(`${outside}.old`, { recursive: true, force: true })
    renameSync(outside, `${outside}.old`)
  }
  state.remember({ postgresHome: outside })
  return ownFolder(outside, user)
}
