import type { Answer } from './http.ts'
import { failed } from './http.ts'
import type { VenueToken } from './market.ts'
import { restBookText } from './texts.ts'

/** The next `count` book requests that name one of `tokens` (any, when empty) fail, or answer books of then. */
type RestFault = { tokens: ReadonlySet<string>; count: number } & (
  | { type: 'status'; status: number }
  | { type: 'stale'; books: Map<string, string> }
)

export type RestFaults = {
  add(fault: RestFault): void
  /** The failure to answer a request for these tokens with, if any; spends one call of it. */
  failure(tokens: string[]): Answer | undefined
  /** Texts to answer in place of the books as they are; spends one call of each fault that concerns the request. */
  stale(tokens: string[]): ReadonlyMap<string, string>
}

const REASONS: Record<number, string> = { 425: 'matching engine is restarting', 429: 'Too many requests' }

export const statusAnswer = (status: number): Answer => {
  const answer = failed(status, REASONS[status] ?? 'could not answer')
  return status === 429 ? { ...answer, headers: { 'retry-after': '1' } } : answer
}

export const staleBooks = (tokens: VenueToken[]): Map<string, string> =>
  new Map(tokens.filter(({ hash }) => hash !== '').map((token) => [token.token, restBookText(token)]))

export const createRestFaults = (): RestFaults => {
  let faults: RestFault[] = []
  const concerns = (fault: RestFault, tokens: string[]): boolean =>
    fault.tokens.size === 0 || tokens.some((token) => fault.tokens.has(token))
  const spend = (fault: RestFault): void => {
    fault.count--
    if (fault.count <= 0) faults = faults.filter((one) => one !== fault)
  }
  return {
    add: (fault) => void faults.push(fault),
    failure: (tokens) => {
      const fault = faults.find((one) => one.type === 'status' && concerns(one, tokens))
      if (fault?.type !== 'status') return undefined
      spend(fault)
      return statusAnswer(fault.status)
    },
    stale: (tokens) => {
      const texts = new Map<string, string>()
      for (const fault of faults) {
        if (fault.type !== 'stale' || !concerns(fault, tokens)) continue
        for (const [token, text] of fault.books) texts.set(token, text)
        spend(fault)
      }
      return texts
    },
  }
}
