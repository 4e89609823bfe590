import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process that can be told from a later one with the same pid. */
export type ProcessMark = { pid: number; startedAt: string }

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const bootId = (): string => (read('/proc/sys/kernel/random/boot_id') ?? '').trim()

/** Fields after the command name, which may itself hold spaces and brackets: state first, start time 20th. */
const linuxStart = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const dead = fields[0] === 'Z' || fields[0] === 'X'
  return dead ? undefined : `${bootId()}:${fields[19]}`
}

const otherStart = (pid: number): string | undefined => {
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
  const line = stdout.trim()
  return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '')
}

/** When the process started, in whatever text the system has for it; undefined if it is gone or a zombie. */
const startOf = (pid: number): string | undefined => (process.platform === 'linux' ? linuxStart(pid) : otherStart(pid))

export const markOf = (pid: number): ProcessMark => ({ pid, startedAt: startOf(pid) ?? '' })

export const isAlive = (mark: ProcessMark): boolean => mark.pid > 0 && startOf(mark.pid) === mark.startedAt

/** Signals exactly the process of the mark; `group` reaches the children of a process that leads its group. */
export const signalMarked = (mark: ProcessMark, signal: NodeJS.Signals, group: boolean): void => {
  if (!isAlive(mark)) return
  try {
    process.kill(group ? -mark.pid : mark.pid, signal)
  } catch {
    // gone between the look and the signal
  }
}

const gone = async (mark: ProcessMark, withinMs: number): Promise<boolean> => {
  const deadline = Date.now() + withinMs
  while (isAlive(mark)) {
    if (Date.now() >= deadline) return false
    await sleep(20)
  }
  return true
}

/** Asks, waits `graceMs`, then kills the whole group. */
export const stopMarked = async (mark: ProcessMark, signal: NodeJS.Signals, graceMs: number): Promise<void> => {
  signalMarked(mark, signal, false)
  if (await gone(mark, graceMs)) return
  signalMarked(mark, 'SIGKILL', true)
  await gone(mark, 2_000)
}
