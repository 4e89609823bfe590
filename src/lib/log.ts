import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger }

/** What a log may say of an error: never its other fields, since a Redis error carries the whole command. */
const toPlain = (error: unknown): unknown => {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? error.code : undefined
  const cause = error.cause === undefined ? undefined : toPlain(error.cause)
  return { type: error.name, message: error.message, code, stack: error.stack, cause }
}

/** What may wait for a disk with room: what is logged beyond that is dropped. */
const WAITING_BYTES = 1_048_576

/** A full disk must not end who logs: its lines wait for the next one that can be written. `file`: a descriptor. */
export const toDescriptor = (file: number): DestinationStream => {
  const destination = pino.destination({ dest: file, minLength: 0, maxLength: WAITING_BYTES })
  // Who ends flushes what waits, which on a full disk would take until there is room.
  const flush = destination.flushSync.bind(destination)
  let isRefused = false
  destination.flushSync = () => {
    if (!isRefused) flush()
  }
  destination.on('error', () => (isRefused = true))
  destination.on('write', () => (isRefused = false))
  return destination
}

/** Structured log on stderr: one line a decision, none a frame. */
export const createLog = (role: string, level: string, destination: DestinationStream = toDescriptor(2)): Logger =>
  pino(
    { level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: toPlain } },
    destination,
  )
