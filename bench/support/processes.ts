import { readdirSync, readFileSync } from 'node:fs'
import type { System } from '../../test/support/system.ts'

export const TICKS_PER_SECOND = 100

const statOf = (pid: number | string): string[] => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  } catch {
    return [] // It has ended.
  }
}

const childrenOf = (pid: number): string[] =>
  readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid))

/** With its children: Postgres works in a process a connection. */
const cpuSeconds = (pid: number): number => {
  const ticks = [pid, ...childrenOf(pid)].map((one) => {
    const fields = statOf(one)
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  })
  return ticks.reduce((sum, some) => sum + some, 0) / TICKS_PER_SECOND
}

export type Process = { name: string; pid: number }

/** Roles and servers of a system, as run.json has them. */
export const processesOf = (system: System): Process[] => {
  const { processes: roles, servers } = system.run()
  return [...roles.map(({ role, pid }) => ({ name: role, pid })), ...servers.map(({ name, pid }) => ({ name, pid }))]
}

/** CPU seconds of each process since its start. */
export const cpuOf = (processes: Process[]): Map<string, number> =>
  new Map(processes.map(({ name, pid }): [string, number] => [name, cpuSeconds(pid)]))

export type Memory = { nowMb: number; highestMb: number }

const statusOf = (pid: number | string): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return '' // It has ended.
  }
}

const megabytes = (status: string, field: string): number =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_024

/** Resident memory of each process in MB, now and at its highest. */
export const memoryOf = (processes: Process[]): Map<string, Memory> =>
  new Map(
    processes.map(({ name, pid }): [string, Memory] => {
      const status = statusOf(pid)
      return [
        name,
        { nowMb: Math.round(megabytes(status, 'VmRSS')), highestMb: Math.round(megabytes(status, 'VmHWM')) },
      ]
    }),
  )

/** What a process and its children hold: their own pages, and once what they share. */
export const heldMb = (pid: number): number => {
  const statuses = [pid, ...childrenOf(pid)].map(statusOf)
  const own = statuses.reduce((sum, status) => sum + megabytes(status, 'RssAnon'), 0)
  const shared = Math.max(...statuses.map((status) => megabytes(status, 'RssShmem')))
  return own + shared
}

export type Figures = Record<string, number>

/** Of several processes of a role counts add up, and of percentiles and instants the highest counts. */
const merged = (all: Figures[]): Figures => {
  const sums: Figures = {}
  for (const [name, value] of all.flatMap((figures) => Object.entries(figures))) {
    const before = sums[name] ?? 0
    if (typeof value === 'number') sums[name] = /P\d+Ms$|TimeMs$/.test(name) ? Math.max(before, value) : before + value
  }
  return sums
}

/** What the processes of a role published last; one that was killed is among them for ten seconds, unless a pid is given. */
export const figuresOf = async (system: Pick<System, 'redis'>, role: string, pid?: number): Promise<Figures> => {
  const redis = system.redis()
  const keys = await redis.keys(`stats:${role}:*${pid === undefined ? '' : `:${pid}`}`)
  const texts = keys.length === 0 ? [] : await redis.mget(keys)
  redis.disconnect()
  return merged(texts.map((text) => JSON.parse(text ?? '{}') as Figures))
}
