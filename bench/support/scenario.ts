import type { Figure } from './figure.ts'

/** What each part does alone on this machine, a second and on one thread. */
export type PartRates = {
  /** Of the emulator to a client that only counts; whichever of both is the slower. */
  receivedFrames: number
  appendedFrames: number
  copiedRows: number
  /** A level changed and the SHA-1 of its book. */
  hashedBooks: number
}

export type Given = {
  isQuick: boolean
  /** Frames a second; undefined: what is the highest is searched. */
  rate: number | undefined
  /** How long a rate is kept up; undefined: as long as the scenario has it. */
  seconds: number | undefined
  shards: number
  /** Measured once a run, when they are first asked for. */
  parts: () => Promise<PartRates>
  say: (line: string) => void
}

export type Scenario = {
  name: string
  what: string
  /** @throws Error where it could not be carried out, or where what was recorded is wrong; what it opened is closed. */
  run: (given: Given) => Promise<Figure[]>
}
