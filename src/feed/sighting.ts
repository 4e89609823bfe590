import { AHEAD_MS } from '../domain/frame.ts'
import { eachString, lastString } from '../lib/json-elements.ts'

/** The newest state of a token's book that one socket has brought, or REST in place of a snapshot that the socket owes. */
export type Sighting = {
  /** Venue time; 0 before the first book. */
  exchangeTimeMs: number
  receivedTimeMs: number
}

/** Of tokens that were subscribed on one socket. */
export type Sightings = Map<string, Sighting>

/** Events that follow a change of the book; the others carry times of their own. */
const BOOK_EVENTS = new Set(['book', 'price_change', 'tick_size_change'])

export const noteSighting = (
  sightings: Sightings,
  token: string,
  { exchangeTimeMs, receivedTimeMs }: Sighting,
): void => {
  const known = sightings.get(token)
  if (known === undefined || Number.isNaN(exchangeTimeMs)) return
  // Else a token of which a time of the future came once would never be seen to stall.
  const isKnownAhead = known.exchangeTimeMs - Math.max(exchangeTimeMs, receivedTimeMs) > AHEAD_MS
  if (exchangeTimeMs < known.exchangeTimeMs && !isKnownAhead) return
  known.exchangeTimeMs = exchangeTimeMs
  known.receivedTimeMs = receivedTimeMs
}

/** Notes what one element says of its tokens, without parsing it: about 1 µs. Returns its token if it is a whole book. */
export const noteElement = (sightings: Sightings, element: string, receivedTimeMs: number): string | undefined => {
  const type = lastString(element, '"event_type"')
  if (type === undefined || !BOOK_EVENTS.has(type)) return undefined
  const exchangeTimeMs = Number(lastString(element, '"timestamp"'))
  let last: string | undefined
  eachString(element, '"asset_id"', (token) => {
    last = token
    noteSighting(sightings, token, { exchangeTimeMs, receivedTimeMs })
  })
  return type === 'book' ? last : undefined
}
