import { linkSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { z } from 'zod'
import { readJsonFile, writeJsonFile } from './json-file.ts'
import { isAlive, markOf, type ProcessMark } from './os-process.ts'

const schema = z.object({ pid: z.number(), startedAt: z.string(), sinceTimeMs: z.number() })
type Owner = z.infer<typeof schema>

export type Lock = { type: 'acquired'; release: () => void } | { type: 'held'; owner: Owner }

/** link(2) fails if the name exists and shows the whole content at once: the one atomic "create with content". */
const tryTake = (path: string, owner: Owner): boolean => {
  const draft = `${path}.${owner.pid}`
  writeJsonFile(draft, owner)
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Removes a lock whose owner is dead. If another starter was faster and what we moved is its fresh lock, it goes back. */
const removeStale = (path: string, stale: string | undefined): void => {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
    if (textOf(aside) !== stale) linkSync(aside, path)
  } catch {
    // somebody else removed or replaced it: the next attempt looks again
  } finally {
    rmSync(aside, { force: true })
  }
}

/** One owner at a time, told by pid and start time, so that a lock left by a killed process (or a reused pid) is stale. */
export const acquireLock = (path: string, self: ProcessMark = markOf(process.pid)): Lock => {
  const own: Owner = { ...self, sinceTimeMs: Date.now() }
  for (let attempt = 0; attempt < 20; attempt += 1) {
    if (tryTake(path, own)) return { type: 'acquired', release: () => releaseLock(path, self) }
    const text = textOf(path)
    const owner = readJsonFile(path, schema)
    if (owner !== undefined && isAlive(owner)) return { type: 'held', owner }
    removeStale(path, text)
  }
  throw new Error(`the lock ${path} changes owners all the time; is something starting polytape in a loop?`)
}

const releaseLock = (path: string, self: ProcessMark): void => {
  const owner = readJsonFile(path, schema)
  if (owner?.pid === self.pid && owner.startedAt === self.startedAt) rmSync(path, { force: true })
}
