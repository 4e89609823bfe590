import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { openChildRecord, stopLeftovers, type ChildRecord } from '../../src/local/children.ts'
import { readJsonFile, writeJsonFile } from '../../src/local/json-file.ts'
import { isAlive, markOf } from '../../src/local/os-process.ts'
import { openStateDir, type StateDir } from '../../src/local/state-dir.ts'
import { amRoot, canReach, postgresUser, reachableBase } from '../../src/local/unprivileged.ts'

const PREFIX = 'polytape-test-'
const owner = z.object({ pid: z.number(), startedAt: z.string() })

/** A folder that Postgres's user can enter, also where TMPDIR is closed to others. */
const base = async (): Promise<string> => {
  if (!amRoot()) return tmpdir()
  const user = await postgresUser()
  return canReach(tmpdir(), user) ? tmpdir() : reachableBase(user)
}

/** Processes that are ending, and another run that sweeps too, may still change it. */
const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 10 })

/** Stops and removes what a killed test run left behind. */
export const sweepTestFolders = async (): Promise<void> => {
  const parent = await base()
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(parent, name)
    const mark = readJsonFile(join(folder, 'owner.json'), owner)
    const young = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0) < 60_000
    if (mark === undefined ? young : isAlive(mark)) continue
    await stopLeftovers(openStateDir(folder))
    removeFolder(folder)
  }
}

export type TestFolder = AsyncDisposable & { state: StateDir; record: ChildRecord }

/** A state folder of its own, removed on dispose; knows its processes, so that a later run can stop them. */
export const openTestFolder = async (): Promise<TestFolder> => {
  const folder = mkdtempSync(join(await base(), PREFIX))
  chmodSync(folder, 0o711)
  writeJsonFile(join(folder, 'owner.json'), markOf(process.pid))
  const state = openStateDir(folder)
  return {
    state,
    record: openChildRecord(state),
    [Symbol.asyncDispose]: async () => {
      await stopLeftovers(state)
      removeFolder(folder)
    },
  }
}
