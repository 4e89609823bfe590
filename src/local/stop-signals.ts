import { once } from 'node:events'

/**
 * npm passes on the SIGINT that the terminal has already sent to all of us: one Ctrl-C arrives twice.
 */
const SAME_KEY_MS = 500

/** Aborts at the first SIGINT, SIGTERM or SIGHUP. A second one calls `force` and ends the process with code 130. */
export const listenForStop = (force: () => void): AbortSignal => {
  const stop = new AbortController()
  let firstTimeMs: number | undefined
  const onSignal = () => {
    if (firstTimeMs === undefined) {
      firstTimeMs = Date.now()
      stop.abort()
    } else if (Date.now() - firstTimeMs > SAME_KEY_MS) {
      force()
      process.exit(130)
    }
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal)
  return stop.signal
}

/** The value, or `stopped` as soon as the signal aborts; what the abandoned work throws later is its stopping. */
export const unlessStopped = async <T>(work: Promise<T>, stop: AbortSignal): Promise<T | 'stopped'> => {
  if (stop.aborted) return 'stopped'
  const stopped = once(stop, 'abort').then((): 'stopped' => 'stopped')
  const result = await Promise.race([work, stopped])
  if (result === 'stopped') work.catch(() => undefined)
  return result
}
