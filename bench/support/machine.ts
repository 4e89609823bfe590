import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { postgresBinaries } from '../../src/local/postgres-binaries.ts'
import { REPOSITORY } from '../../src/local/repository.ts'
import { findTemporal } from '../../src/local/temporal-install.ts'
import { TICKS_PER_SECOND } from './processes.ts'

export const loadOfMinute = (): number => loadavg()[0] ?? 0

/** Of all cores together, in seconds: busy, and given to other machines by the host (nothing here could run then). */
export const machineSeconds = (): { busy: number; stolen: number } => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, stolen = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return { busy: (user + nice + system + irq + softirq) / TICKS_PER_SECOND, stolen: stolen / TICKS_PER_SECOND }
}

/** First line that a command prints; a machine without it says so. */
const firstLine = (command: string, ...args: string[]): string => {
  try {
    const text = execFileSync(command, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'ignore'] }).toString()
    return (text.split('\n')[0] ?? '').trim()
  } catch {
    return 'not here'
  }
}

/** What figures depend on besides the code. */
export const machineFacts = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 1024 ** 3),
  kernel: release(),
})

export const versionFacts = async () => ({
  commit: firstLine('git', 'rev-parse', 'HEAD'),
  /** Of files that git knows. */
  isChanged: firstLine('git', 'status', '--porcelain', '--untracked-files=no') !== '',
  node: process.version,
  redis: firstLine('redis-server', '--version'),
  postgres: firstLine(join(postgresBinaries(undefined), 'bin/postgres'), '--version'),
  temporal: firstLine((await findTemporal())?.path ?? 'temporal', '--version'),
})
