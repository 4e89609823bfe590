import type { ElementIdentity, TradePlace } from '../../domain/data-page.ts'

/** An element of a page with its number among equal ones of the scan, from 0. */
export type Numbered = ElementIdentity & { raw: string; ordinal: number }

/** What of a page counts in the next one: equal fills may lie across its end. Key -> how many. */
export type Carry = Readonly<Record<string, number>>

export const NOTHING_CARRIED: Carry = {}

export type NumberedPage = { elements: Numbered[]; carry: Carry }

/**
 * Numbers equal elements of a page. A list by cursor goes on where the page before ended, so the count goes on too, for
 * elements of the second with which it ended. Pages by offset shift and overlap: each is counted by itself, which counts
 * none twice, and the overlap makes up for runs that one of them shows in part.
 */
export const numberPage = (
  page: { raws: string[]; place: TradePlace; carry: Carry },
  identify: (raw: string) => ElementIdentity,
): NumberedPage => {
  const counts = new Map<string, number>(page.place.type === 'v2' ? Object.entries(page.carry) : [])
  const elements = page.raws.map((raw): Numbered => {
    const identity = identify(raw)
    const ordinal = counts.get(identity.key) ?? 0
    counts.set(identity.key, ordinal + 1)
    return { ...identity, raw, ordinal }
  })
  const endTimeMs = elements.at(-1)?.exchangeTimeMs
  const atEnd = elements.filter(({ exchangeTimeMs }) => exchangeTimeMs === endTimeMs).map(({ key }) => key)
  return { elements, carry: Object.fromEntries(atEnd.map((key) => [key, counts.get(key) ?? 0])) }
}
