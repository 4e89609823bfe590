import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { isRunning } from '../../lib/is-running.ts'

const PREFIX = 'polytape-query-'
const HOST = encodeURIComponent(hostname())
/** In a container that is started anew, the process has the same host and pid as before. */
const STARTED = Math.round(performance.timeOrigin)

const isAbandoned = (name: string): boolean => {
  const [host, pid, started, random] = name.slice(PREFIX.length).split('~')
  if (!name.startsWith(PREFIX) || random === undefined || host !== HOST || !/^[1-9]\d*$/.test(pid ?? '')) return false
  return Number(pid) === process.pid ? Number(started) !== STARTED : !isRunning(Number(pid))
}

/** What killed processes left, which may be gigabytes. */
const removeAbandoned = async (): Promise<void> => {
  for (const name of (await readdir(tmpdir())).filter(isAbandoned)) {
    // That of another user cannot be removed, and keeps nobody from a query.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
  }
}

/** A folder in TMPDIR under the name of this process: once that is gone, the next one removes it. */
export const makeWorkspaceFolder = async (): Promise<string> => {
  await removeAbandoned()
  return await mkdtemp(join(tmpdir(), `${PREFIX}${HOST}~${process.pid}~${STARTED}~`))
}
