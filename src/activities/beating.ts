import { ApplicationFailure, heartbeat } from '@temporalio/activity'
import { every } from '../lib/every.ts'

const BEAT_EVERY_MS = 2_000

const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && 'retryable' in error && error.retryable === false

/** What is refused for good is refused again: the workflow ends with the reason. */
const toFailure = (error: unknown): unknown =>
  isRefusal(error) ? ApplicationFailure.nonRetryable(error.message, 'Refused') : error

/**
 * Heartbeats while it works: a file is read by one statement, and a page that the venue refuses for a while is asked for
 * again. `beat` says what the next ones tell.
 */
export const beating = async <T>(work: (beat: (details: unknown) => void) => Promise<T>): Promise<T> => {
  const ended = new AbortController()
  let details: unknown
  every(BEAT_EVERY_MS, () => heartbeat(details), ended.signal)
  try {
    return await work((given) => (details = given))
  } catch (error) {
    throw toFailure(error)
  } finally {
    ended.abort()
  }
}
