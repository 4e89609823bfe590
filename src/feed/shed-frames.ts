import { lastString } from '../lib/json-elements.ts'
import { noteElement, type Sightings } from './sighting.ts'

/** What tells of a book. Trades and changes of the tick, which the hashes to come are over, are few and stay. */
const BOOK_EVENTS = new Set(['book', 'price_change', 'best_bid_ask'])

export type ShedFrames = {
  /** From here on nothing that tells of these tokens' books goes into the stream. */
  begin(stream: string, tokens: string[]): void
  /** All of it goes there again; venue time by token of the newest that did not. Undefined where nothing was shed. */
  end(stream: string): Record<string, number> | undefined
  has(stream: string): boolean
  /** Whether the element is shed, noting what it tells of. It gets no ordinal then: nothing is missing in the stream. */
  takes(stream: string, element: string, receivedTimeMs: number): boolean
}

/** Frames of one socket that are not appended, for their costs. */
export const createShedFrames = (): ShedFrames => {
  const streams = new Map<string, Sightings>()
  return {
    begin: (stream, tokens) => {
      if (streams.has(stream)) return
      streams.set(stream, new Map(tokens.map((token) => [token, { exchangeTimeMs: 0, receivedTimeMs: 0 }])))
    },
    end: (stream) => {
      const seen = streams.get(stream)
      if (seen === undefined) return undefined
      streams.delete(stream)
      const times = [...seen].map(([token, { exchangeTimeMs }]): [string, number] => [token, exchangeTimeMs])
      return Object.fromEntries(times.filter(([, exchangeTimeMs]) => exchangeTimeMs > 0))
    },
    has: (stream) => streams.has(stream),
    takes: (stream, element, receivedTimeMs) => {
      const seen = streams.get(stream)
      if (seen === undefined) return false
      const type = lastString(element, '"event_type"')
      if (type === undefined || !BOOK_EVENTS.has(type)) return false
      noteElement(seen, element, receivedTimeMs)
      return true
    },
  }
}
