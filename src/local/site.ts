import type { ChildRecord } from './children.ts'
import { KeptProcess } from './kept-process.ts'
import type { ProcessSpec } from './launch.ts'
import type { StateDir } from './state-dir.ts'

type VenueName = 'live' | 'emulator' | 'replay'

/** What everything that we start needs to know. */
export type Site = {
  state: StateDir
  venue: VenueName
  env: NodeJS.ProcessEnv
  /** Folder of the compiled sources; undefined: processes run by tsx. */
  compiled: string | undefined
  record: ChildRecord
  /** All processes that are kept running, also those that are still starting. */
  kept: KeptProcess[]
  /** Aborted when everything is being stopped: nothing may be started from then on. */
  closing: AbortSignal
  /** A process that we keep changed its pid or state. */
  changed: () => void
  /** One line for the person who waits. */
  say: (line: string) => void
}

/** @throws Error if it is not ready the first time. */
export const keep = async (site: Site, spec: ProcessSpec): Promise<KeptProcess> => {
  site.closing.throwIfAborted()
  const one = new KeptProcess(spec, site.record, site.changed)
  site.kept.push(one)
  try {
    return await one.start()
  } catch (error) {
    site.kept.splice(site.kept.indexOf(one), 1)
    throw error
  }
}
