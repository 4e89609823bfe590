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

/** With its children: Postgres works in a process a connection. */
const cpuSeconds = (pid: number): number => {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid))
  const ticks = [pid, ...children].map((one) => {
    const fields = statOf(one)
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  })
  return ticks.reduce((sum, some) => sum + some, 0) / TICKS_PER_SECOND
}

const processes = (system: System): { name: string; pid: number }[] => {
  const { processes: roles, servers } = system.run()
  return [...roles.map(({ role, pid }) => ({ name: role, pid })), ...servers]
}

/** CPU seconds of each process since its start. */
export const cpuOf = (system: System): Map<string, number> =>
  new Map(processes(system).map(({ name, pid }): [string, number] => [name, cpuSeconds(pid)]))

/** Resident memory of each process in MB, now and at its highest. */
export const memoryOf = (system: System): Map<string, { nowMb: number; highestMb: number }> =>
  new Map(
    processes(system).map(({ name, pid }) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      const megabytes = (field: string): number =>
        Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)
      return [name, { nowMb: megabytes('VmRSS'), highestMb: megabytes('VmHWM') }]
    }),
  )

export type Figures = Record<string, number>

/** What a role published last. */
export const figuresOf = async (system: System, role: string): Promise<Figures> => {
  const redis = system.redis()
  const [key] = await redis.keys(`stats:${role}:*`)
  const figures = JSON.parse((await redis.get(key ?? '')) ?? '{}') as Figures
  redis.disconnect()
  return figures
}
