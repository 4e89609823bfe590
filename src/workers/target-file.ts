import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Role } from '../metrics/row.ts'

const FILE = /^(?:control|feed|normalizer|archive)-(\d+)\.json$/

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Of processes that were killed: who looks for metrics would ask them for ever. */
const sweep = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    const pid = FILE.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(folder, name), { force: true })
  }
}

/** Who listens on every address is reached from elsewhere: by its name, which tells containers of a volume apart, too. */
const isAnyHost = (host: string): boolean => host === '0.0.0.0' || host === '::'

/**
 * `targets/<role>-<pid>.json` in the state folder tells Prometheus (`file_sd`) of this process while it runs; in a
 * container `targets/<role>-<host>-<pid>.json`.
 */
export const writeTarget = (stateDir: string, role: Role, url: string): Disposable => {
  const folder = join(stateDir, 'targets')
  mkdirSync(folder, { recursive: true })
  sweep(folder)
  const { hostname: given, port } = new URL(url)
  const isAny = isAnyHost(given.replace(/^\[|\]$/g, ''))
  const target = `${isAny ? hostname() : given}:${port}`
  const path = join(folder, `${[role, ...(isAny ? [hostname()] : []), process.pid].join('-')}.json`)
  const draft = `${path}.draft`
  writeFileSync(draft, `${JSON.stringify([{ targets: [target], labels: { job: role } }])}\n`)
  renameSync(draft, path)
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) }
}
