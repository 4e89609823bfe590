import { ApplicationFailure } from '@temporalio/activity'

/** Each holds a connection of the pool, which all of the control plane shares, and up to 300 MB of DuckDB. */
const IMPORTS_AT_ONCE = 2
const RETRY_AFTER = '5s'

/** One that finds no room fails for now: to wait here would keep the place of another activity. */
export const createImportTurns = () => {
  let taken = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (taken >= IMPORTS_AT_ONCE) {
      const message = `waits for its turn: ${IMPORTS_AT_ONCE} imports are at work`
      throw ApplicationFailure.create({ message, type: 'Waiting', nextRetryDelay: RETRY_AFTER })
    }
    taken += 1
    try {
      return await work()
    } finally {
      taken -= 1
    }
  }
}
