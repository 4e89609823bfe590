import type { ChildRecord } from './children.ts'
import type { StateDir } from './state-dir.ts'

export type VenueName = 'live' | 'emulator' | 'replay'

/** What every server that we start needs to know. */
export type Site = {
  state: StateDir
  venue: VenueName
  env: NodeJS.ProcessEnv
  record: ChildRecord
  /** A process that we keep changed its pid or state. */
  changed: () => void
  /** One line for the person who waits. */
  say: (line: string) => void
}
