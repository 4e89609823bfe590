import type { Frame } from '../domain/frame.ts'
import type { EpochLog } from './epochs.ts'
import { createHold, type Hold } from './hold.ts'

/**
 * The log of one socket as its markets see it. A market that arrives from elsewhere is held back until nothing can be
 * missed; its frames then stand under an epoch of their own, since readers ignore a socket that is older than its stream.
 */
export type SocketLog = EpochLog & {
  /** A subscription begins: what comes of the stream is held back, or goes out again. */
  begin(stream: string, isHeld: boolean): void
  /** Streams that are held back. */
  holds(): [stream: string, Hold][]
  /** Lets the stream go on under this epoch, with these frames first; `into` undefined: drops what comes, silently. */
  release(stream: string, into: EpochLog | undefined, frames: Frame[]): void
}

/** `held` until it is released; then another log, or none. */
type Lane =
  | { type: 'held'; hold: Hold; released: Promise<void>; release: () => void }
  | { type: 'open'; log: EpochLog }
  | { type: 'dropped' }

const createHeld = (): Lane & { type: 'held' } => {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  return { type: 'held', hold: createHold(Date.now()), released, release }
}

/** Of a market that came here, went and comes again: others that came with it may still write into its log. */
const closeUnused = (log: EpochLog, lanes: ReadonlyMap<string, Lane>): void => {
  const isUsed = [...lanes.values()].some((lane) => lane.type === 'open' && lane.log === log)
  if (!isUsed) log.close()
}

/** `before` is called with the stream of each frame that goes out. */
export const createSocketLog = (base: EpochLog, before: (stream: string) => void): SocketLog => {
  const lanes = new Map<string, Lane>()
  const logOf = (stream: string): EpochLog => {
    const lane = lanes.get(stream)
    return lane?.type === 'open' ? lane.log : base
  }
  const push = (stream: string, frame: Frame): boolean => {
    const lane = lanes.get(stream)
    if (lane?.type === 'dropped') return true
    if (lane?.type === 'held') {
      lane.hold.push(frame)
      return true
    }
    before(stream)
    return logOf(stream).push(stream, frame)
  }
  return {
    epoch: base.epoch,
    push,
    epochOf: (stream) => logOf(stream).epoch,
    flushed: async (stream) => {
      const lane = lanes.get(stream)
      if (lane?.type === 'held') await lane.released
      if (lanes.get(stream)?.type !== 'dropped') await logOf(stream).flushed(stream)
    },
    begin: (stream, isHeld) => {
      const earlier = lanes.get(stream)
      if (isHeld) lanes.set(stream, createHeld())
      else if (earlier?.type === 'dropped') lanes.delete(stream)
      if (isHeld && earlier?.type === 'open') closeUnused(earlier.log, lanes)
    },
    holds: () => [...lanes].flatMap(([stream, lane]) => (lane.type === 'held' ? [[stream, lane.hold]] : [])),
    release: (stream, into, frames) => {
      const lane = lanes.get(stream)
      lanes.set(stream, into === undefined ? { type: 'dropped' } : { type: 'open', log: into })
      for (const frame of frames) push(stream, frame)
      if (lane?.type === 'held') lane.release()
    },
    close: () => {
      for (const lane of lanes.values()) {
        if (lane.type === 'held') lane.release()
        if (lane.type === 'open') lane.log.close()
      }
      base.close()
    },
  }
}
