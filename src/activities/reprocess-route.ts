import type { Frame, FrameKind } from '../domain/frame.ts'
import { MARKETS_STREAM, orderbookStream, TRADES_STREAM } from '../domain/keys.ts'
import { firstString, lastString } from '../lib/json-elements.ts'
import type { StoredDeadLetter } from '../store/dead-letters.ts'
import { decodeEntry, unpackOnTrust, type SigningKeys } from '../stream/entry.ts'

/** A raw text, and how many equal ones came before it: equal trades are told apart by it. */
export type Text = { raw: string; copy: number }
/** Texts of a dead letter that can go through the pipeline again, or why there are none. */
export type Opened = { type: 'texts'; texts: Text[] } | { type: 'refused'; detail: string }

const refused = (detail: string): Opened => ({ type: 'refused', detail })

const OWN_NOTES = new Set(['bad_marker', 'frames_lost', 'bad_reprocess'])
const NOT_OF_THE_VENUE: ReadonlySet<FrameKind> = new Set(['marker', 'reprocess'])

const toFields = (raw: string): string[] | undefined => {
  try {
    const value: unknown = JSON.parse(raw)
    return Array.isArray(value) && value.every((field) => typeof field === 'string') ? value : undefined
  } catch {
    return undefined
  }
}

const venueTexts = (frames: Frame[]): Opened => {
  const raws = frames.filter((frame) => !NOT_OF_THE_VENUE.has(frame.kind)).map((frame) => frame.text)
  if (raws.length === 0) return refused('holds no frame of the venue')
  const texts = raws.map((raw, index) => ({ raw, copy: raws.slice(0, index).filter((other) => other === raw).length }))
  return { type: 'texts', texts }
}

/** A whole entry that was refused. A key that was unknown then may be known now; nothing else makes it trusted. */
const openEntry = (letter: StoredDeadLetter, signing: SigningKeys, isTrusted: boolean): Opened => {
  const fields = toFields(letter.raw)
  if (fields === undefined) return refused('is not the fields of a stream entry')
  const decoded = decodeEntry(letter.stream, [letter.entryId, fields], signing)
  if (decoded.type === 'entry') return venueTexts(decoded.entry.frames)
  if (decoded.reason === 'bad_entry') return refused(decoded.detail)
  if (!isTrusted) return refused(`${decoded.detail}; --trust applies it all the same`)
  const frames = unpackOnTrust(fields)
  return frames === undefined ? refused('header does not fit the texts') : venueTexts(frames)
}

/** What of a dead letter can be fed through the pipeline again. `isTrusted`: a person vouches for bad signatures. */
export const openLetter = (letter: StoredDeadLetter, signing: SigningKeys, isTrusted: boolean): Opened => {
  const { reason, raw } = letter
  if (reason === 'bad_signature' || reason === 'bad_entry') return openEntry(letter, signing, isTrusted)
  if (reason === 'refused_row') return refused('is a row and no frame: the next whole book has its level')
  if (reason === 'bad_import')
    return refused('is a row of an imported file: what is free is filled by importing it again')
  if (OWN_NOTES.has(reason)) return refused('is a note of ours and no frame of the venue')
  return { type: 'texts', texts: [{ raw, copy: letter.copy }] }
}

/** Reasons that may mean: it came before its market was known, or to the wrong stream. */
const ASTRAY = new Set(['unroutable', 'unknown_token', 'misrouted'])
const BROADCASTS = new Set(['new_market', 'market_resolved'])

/** Ids that a text names, by which `findMarkets` finds its market. */
export const namesIn = (text: string): string[] =>
  [firstString(text, '"asset_id"'), firstString(text, '"market"')].filter((name) => name !== undefined)

/**
 * The stream that a text belongs to. `marketIds`: market by token or condition id.
 */
export const streamOf = (letter: StoredDeadLetter, text: string, marketIds: ReadonlyMap<string, string>): string => {
  if (!ASTRAY.has(letter.reason) || letter.stream === TRADES_STREAM) return letter.stream
  if (BROADCASTS.has(lastString(text, '"event_type"') ?? '')) return MARKETS_STREAM
  const marketId = namesIn(text)
    .map((name) => marketIds.get(name))
    .find((found) => found !== undefined)
  return marketId === undefined ? letter.stream : orderbookStream(marketId)
}
