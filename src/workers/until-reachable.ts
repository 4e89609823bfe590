import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../lib/log.ts'

export type Dependency<T> = {
  /** As a person knows it, with its address: `Postgres at 127.0.0.1:5432`. */
  name: string
  /** What to do about it. */
  remedy: string
  attempt: () => Promise<T>
}

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5_000

export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  if (!(error instanceof Error)) return String(error)
  const own = error.message === '' ? error.name : error.message
  return error.cause instanceof Error ? `${own} (${reasonOf(error.cause)})` : own
}

/** A process that waits is easier to watch than one that crashes in a loop: tries for ever, with a clear line each time. */
export const untilReachable = async <T>(
  { name, remedy, attempt }: Dependency<T>,
  log: Logger,
  signal: AbortSignal,
): Promise<T> => {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      log.warn(`expected ${name} to answer, got: ${reasonOf(error)}; trying again in ${waitMs} ms. ${remedy}`)
    }
    await sleep(waitMs, undefined, { signal })
  }
}
