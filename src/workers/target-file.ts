import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../lib/log.ts'
import { isRunning } from '../lib/process-name.ts'
import type { Role } from '../metrics/row.ts'

const OF_THIS_HOST = /^[a-z]+-(\d+)\.json$/
const REWRITE_EVERY_MS = 60_000
/** Two rewritings were missed: whoever wrote it was killed, perhaps with its container. */
const LIFE_MS = 150_000

const isStale = (folder: string, name: string): boolean => {
  const pid = OF_THIS_HOST.exec(name)?.[1]
  if (pid !== undefined && !isRunning(Number(pid))) return true
  const writtenTimeMs = statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return Date.now() - writtenTimeMs > LIFE_MS
}

/** Of processes that were killed: who looks for metrics would ask them for ever. */
const sweep = (folder: string): void => {
  for (const name of readdirSync(folder)) if (isStale(folder, name)) rmSync(join(folder, name), { force: true })
}

const isAnyHost = (host: string): boolean => host === '0.0.0.0' || host === '[::]'

type Named = { target: string; file: string }

/** Who listens on every address is reached from elsewhere, by its name, which also tells containers of one volume apart. */
const nameOf = (role: Role, url: string): Named => {
  const { hostname: host, port } = new URL(url)
  return isAnyHost(host)
    ? { target: `${hostname()}:${port}`, file: `${role}-${hostname()}-${process.pid}.json` }
    : { target: `${host}:${port}`, file: `${role}-${process.pid}.json` }
}

type TargetDeps = { stateDir: string; role: Role; url: string; log: Logger }

/**
 * `targets/<role>-<pid>.json` in the state folder tells Prometheus (`file_sd`) of this process while it runs; in a
 * container `targets/<role>-<host>-<pid>.json`.
 */
export const writeTarget = ({ stateDir, role, url, log }: TargetDeps): Disposable => {
  const folder = join(stateDir, 'targets')
  const { target, file } = nameOf(role, url)
  const path = join(folder, file)
  const text = `${JSON.stringify([{ targets: [target], labels: { job: role } }])}\n`
  let isSaid = false
  /** Recording does not depend on being watched. */
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (!isSaid) log.warn({ error }, 'the target file for Prometheus could not be written')
      isSaid = true
    }
  }
  const write = (): void => {
    mkdirSync(folder, { recursive: true })
    sweep(folder)
    writeFileSync(`${path}.draft`, text)
    renameSync(`${path}.draft`, path)
  }
  attempt(write)
  const timer = setInterval(() => attempt(write), REWRITE_EVERY_MS)
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer)
      attempt(() => rmSync(path, { force: true }))
    },
  }
}
