import { existsSync } from 'node:fs'
import { z } from 'zod'
import { readJsonFile, writeJsonFile } from './json-file.ts'
import { isAlive, stopMarked, type ProcessMark } from './os-process.ts'
import type { StateDir } from './state-dir.ts'

export type ChildKind = 'role' | 'venue' | 'server'

const schema = z.array(
  z.object({
    name: z.string(),
    kind: z.enum(['role', 'venue', 'server']),
    pid: z.number(),
    startedAt: z.string(),
    stopSignal: z.enum(['SIGTERM', 'SIGINT']),
  }),
)
type Child = z.infer<typeof schema>[number]

/** The processes that we started and that may outlive us, on disk as soon as they exist. */
export type ChildRecord = {
  add: (child: Child) => void
  remove: (mark: ProcessMark) => void
}

const pathOf = (state: StateDir): string => state.path('children.json')

export const openChildRecord = (state: StateDir): ChildRecord => {
  let children: Child[] = []
  const write = () => writeJsonFile(pathOf(state), children)
  write()
  return {
    add: (child) => {
      children.push(child)
      write()
    },
    remove: (mark) => {
      children = children.filter((child) => child.pid !== mark.pid || child.startedAt !== mark.startedAt)
      // A process may be seen to end after its state folder was removed: there is nothing left to tell anyone then.
      if (existsSync(state.root)) write()
    },
  }
}

const ORDER: ChildKind[] = ['role', 'venue', 'server']
const GRACE_MS = { role: 3_500, venue: 500, server: 4_000 }

/**
 * Stops what a killed start left running: roles first, so that they flush into servers that still run.
 * Only processes whose start time is the recorded one are touched.
 */
export const stopLeftovers = async (state: StateDir): Promise<string[]> => {
  const left = (readJsonFile(pathOf(state), schema) ?? []).filter(isAlive)
  for (const kind of ORDER) {
    const some = left.filter((child) => child.kind === kind)
    await Promise.all(some.map((child) => stopMarked(child, child.stopSignal, GRACE_MS[kind])))
  }
  return left.map((child) => child.name)
}
