/** Calls `run` every `periodMs` until the signal aborts. `run` must not throw. */
export const every = (periodMs: number, run: () => void, signal: AbortSignal): void => {
  if (signal.aborted) return
  const timer = setInterval(run, periodMs)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}

/** Resolves after `delayMs` or as soon as the signal aborts, whichever comes first; never rejects. */
export const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, delayMs)
    signal.addEventListener('abort', done, { once: true })
  })

/** Rejects with `message` when `work` has not settled within `timeoutMs`; `work` itself goes on. */
export const within = <T>(work: Promise<T>, timeoutMs: number, message: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(message)), timeoutMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })

/** Begins `work` unless it is still under way; what it throws goes to `failed`. */
export const oneAtATime = (work: () => Promise<void>, failed: (error: unknown) => void): (() => void) => {
  let isBusy = false
  return () => {
    if (isBusy) return
    isBusy = true
    work()
      .catch(failed)
      .finally(() => (isBusy = false))
  }
}
