/**
 * At most so many pieces of work at a time. The first that fails aborts the others, and whoever waits is told.
 * Disposal waits until nothing runs any more.
 */
export type Lanes = AsyncDisposable & {
  /** Resolves when there is room for one more. @throws what failed, or the signal's reason. */
  free: () => Promise<void>
  begin: (work: (signal: AbortSignal) => Promise<void>) => void
  /** Resolves when all of it has succeeded. @throws what failed first. */
  done: () => Promise<void>
}

export const createLanes = (most: number, signal: AbortSignal): Lanes => {
  const running = new Set<Promise<void>>()
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const begin: Lanes['begin'] = (work) => {
    const run = work(either)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => running.delete(run))
    running.add(run)
  }
  const waitFor = async (left: number): Promise<void> => {
    while (running.size > left) await Promise.race(running)
    either.throwIfAborted()
  }
  return {
    begin,
    free: () => waitFor(most - 1),
    done: () => waitFor(0),
    [Symbol.asyncDispose]: async () => {
      failed.abort(new Error('given up'))
      await Promise.all(running)
    },
  }
}
