import { pino, type Logger } from 'pino'

export type { Logger }

/** Structured log on stderr: one line a decision, none a frame. */
export const createLog = (role: string, level: string): Logger =>
  pino({ level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
