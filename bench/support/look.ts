import { machineSeconds } from './machine.ts'
import { cpuOf, figuresOf, memoryOf, type Figures, type Memory, type Process } from './processes.ts'
import type { System } from '../../test/support/system.ts'

/** All that is counted, at an instant; what happened is the difference of two. */
export type Look = {
  timeMs: number
  cpu: Map<string, number>
  memory: Map<string, Memory>
  /** Seconds of all cores. */
  busy: number
  stolen: number
  feed: Figures
  normalizer: Figures
}

export const takeLook = async (system: Pick<System, 'redis'>, processes: Process[]): Promise<Look> => {
  const [feed, normalizer] = await Promise.all([figuresOf(system, 'feed'), figuresOf(system, 'normalizer')])
  const cpu = cpuOf(processes)
  return { timeMs: Date.now(), cpu, memory: memoryOf(processes), ...machineSeconds(), feed, normalizer }
}

export const secondsBetween = (before: Look, now: Look): number => (now.timeMs - before.timeMs) / 1_000

/** CPU seconds by process. A process that started in between counts from its start. */
export const cpuBetween = (before: Look, now: Look): Map<string, number> =>
  new Map(
    [...now.cpu].map(([name, seconds]): [string, number] => {
      const earlier = before.cpu.get(name) ?? 0
      return [name, seconds >= earlier ? seconds - earlier : seconds]
    }),
  )

export const counted = (before: Figures, now: Figures, name: string): number => (now[name] ?? 0) - (before[name] ?? 0)

/** Roles of ours; databases, Temporal and the venue are others. */
export const isOurs = (name: string): boolean => /^(control|feed|normalizer|archive)/.test(name)

export const sumOfOurs = (byProcess: ReadonlyMap<string, number>): number =>
  [...byProcess].reduce((sum, [name, value]) => (isOurs(name) ? sum + value : sum), 0)
