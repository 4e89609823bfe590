import type { Answer } from './http.ts'
import { statusAnswer } from './rest-faults.ts'

/** Paths below the Data API's address. */
export type DataPath = 'trades' | 'v2/trades' | 'activity'

/** The next `count` requests of one of `paths` (any, when empty) fail with the status, or are answered later. */
export type DataFault = { paths: DataPath[]; count: number } & ({ status: number } | { delayMs: number })

export type DataFaultQueue = {
  add(fault: DataFault): void
  clear(): void
  /** Waits, or says what to answer instead; spends one call of the fault. */
  meet(path: DataPath): Promise<Answer | undefined>
  /** Requests so far. */
  readonly requests: Record<DataPath, number>
}

export const createDataFaultQueue = (): DataFaultQueue => {
  let faults: DataFault[] = []
  const requests = { trades: 0, 'v2/trades': 0, activity: 0 }
  return {
    requests,
    add: (fault) => void faults.push({ ...fault }),
    clear: () => void (faults = []),
    meet: async (path) => {
      requests[path]++
      const fault = faults.find(({ paths }) => paths.length === 0 || paths.includes(path))
      if (fault === undefined) return undefined
      fault.count--
      if (fault.count <= 0) faults = faults.filter((one) => one !== fault)
      if ('status' in fault) return statusAnswer(fault.status)
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
      return undefined
    },
  }
}
