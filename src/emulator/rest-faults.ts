import type { Answer } from './http.ts'
import { failed } from './http.ts'
import type { VenueToken } from './market.ts'
import { restBookText } from './texts.ts'

/** The next `count` book requests fail with a status, or answer the books as they were when the fault was set. */
type RestFault =
  | { type: 'status'; status: number; count: number }
  | { type: 'stale'; count: number; books: Map<string, string> }

export type RestFaults = {
  set(fault: RestFault): void
  /** The failure to answer now, if any; spends one call. */
  failure(): Answer | undefined
  /** Texts of stale books to answer for this call; spends one call. */
  stale(): Map<string, string> | undefined
}

const REASONS: Record<number, string> = { 425: 'matching engine is restarting', 429: 'Too many requests' }

export const staleBooks = (tokens: VenueToken[]): Map<string, string> =>
  new Map(tokens.map((token) => [token.token, restBookText(token)]))

export const createRestFaults = (): RestFaults => {
  let current: RestFault | undefined
  const spend = (fault: RestFault): void => {
    fault.count--
    if (fault.count <= 0) current = undefined
  }
  return {
    set: (fault) => {
      current = fault.count > 0 ? fault : undefined
    },
    failure: () => {
      if (current?.type !== 'status') return undefined
      const { status } = current
      spend(current)
      const answer = failed(status, REASONS[status] ?? 'could not answer')
      return status === 429 ? { ...answer, headers: { 'retry-after': '1' } } : answer
    },
    stale: () => {
      if (current?.type !== 'stale') return undefined
      const { books } = current
      spend(current)
      return books
    },
  }
}
