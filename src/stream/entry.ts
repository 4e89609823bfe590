import { timingSafeEqual } from 'node:crypto'
import type { Frame, FrameKind, StreamEntry } from '../domain/frame.ts'
import { createSigner } from '../lib/hmac.ts'

/** HMAC keys by id. `current` signs; every key verifies, so that entries of a rotated key stay readable. */
export type SigningKeys = { current: string; keys: ReadonlyMap<string, string> }

/** An entry before Redis gives it an id. */
export type NewEntry = Omit<StreamEntry, 'id'>

/** Fields of the Redis Stream entry, in this order: epoch, ordinal, header, texts, key id, signature. */
export type EntryFields = [
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
  string,
]

export type DecodedEntry =
  | { type: 'entry'; entry: StreamEntry }
  | { type: 'rejected'; reason: 'bad_signature' | 'bad_entry'; detail: string; raw: string }

const KIND_LETTERS: Record<FrameKind, string> = {
  websocket: 'w',
  rest: 'r',
  catalogue: 'c',
  marker: 'm',
  reprocess: 'd',
  data_trade: 't',
  data_activity: 'a',
}
const KINDS = new Map<string, FrameKind>([
  ['w', 'websocket'],
  ['r', 'rest'],
  ['c', 'catalogue'],
  ['m', 'marker'],
  ['d', 'reprocess'],
  ['t', 'data_trade'],
  ['a', 'data_activity'],
])
const HEADER = /^([wrcmdta])(\d{1,16})(?:~(\d{1,16}))?:(\d{1,9})$/

const headerOf = (frame: Frame): string => {
  const source = frame.sourceReceivedTimeMs === undefined ? '' : `~${frame.sourceReceivedTimeMs}`
  return `${KIND_LETTERS[frame.kind]}${frame.receivedTimeMs}${source}:${frame.text.length}`
}

/** Few: one a rotation. */
const signers = new Map<string, (text: string) => string>()

const sign = (secret: string, parts: string[]): string => {
  const known = signers.get(secret) ?? createSigner(secret)
  signers.set(secret, known)
  return known(parts.join('\n'))
}

/**
 * Packs and signs an entry: `h` holds `<kind><received ms>[~<source ms>]:<length in UTF-16 units>` a frame,
 * `d` the raw texts one after the other. The HMAC-SHA256 covers the stream's name, so an entry cannot be moved.
 */
export const encodeEntry = (entry: NewEntry, signing: SigningKeys): EntryFields => {
  const ordinal = String(entry.firstOrdinal)
  const header = entry.frames.map(headerOf).join(',')
  const texts = entry.frames.map((frame) => frame.text).join('')
  const secret = signing.keys.get(signing.current)
  if (secret === undefined) throw new Error(`signing key ${signing.current} is not among the known keys`)
  const signature = sign(secret, [entry.stream, entry.epoch, ordinal, header, texts])
  return ['e', entry.epoch, 'o', ordinal, 'h', header, 'd', texts, 'k', signing.current, 's', signature]
}

const isSignature = (given: string, expected: string): boolean => {
  const left = Buffer.from(given)
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}

const unpack = (header: string, texts: string): Frame[] | undefined => {
  const frames: Frame[] = []
  let at = 0
  for (const part of header.split(',')) {
    const match = HEADER.exec(part)
    const kind = KINDS.get(match?.[1] ?? '')
    if (match === null || kind === undefined) return undefined
    const end = at + Number(match[4])
    const sourceReceivedTimeMs = match[3] === undefined ? undefined : Number(match[3])
    frames.push({ kind, receivedTimeMs: Number(match[2]), sourceReceivedTimeMs, text: texts.slice(at, end) })
    at = end
  }
  return at === texts.length ? frames : undefined
}

const byName = (fields: string[]): ((name: string) => string) => {
  const values = new Map<string, string>()
  for (let at = 0; at + 1 < fields.length; at += 2) values.set(fields[at] ?? '', fields[at + 1] ?? '')
  return (name) => values.get(name) ?? ''
}

/** The frames of an entry whose signature is NOT looked at: only for a person who vouches for it. */
export const unpackOnTrust = (fields: string[]): Frame[] | undefined => {
  const part = byName(fields)
  return unpack(part('h'), part('d'))
}

/** Checks the signature, then unpacks. Bad data is a value: the caller sends it to the dead letters. */
export const decodeEntry = (
  stream: string,
  raw: [id: string, fields: string[]],
  signing: SigningKeys,
): DecodedEntry => {
  const [id, fields] = raw
  const part = byName(fields)
  const parts = [stream, part('e'), part('o'), part('h'), part('d')]
  const secret = signing.keys.get(part('k'))
  if (secret === undefined || !isSignature(part('s'), sign(secret, parts))) {
    const detail = secret === undefined ? `unknown key id "${part('k')}"` : 'signature does not match'
    return { type: 'rejected', reason: 'bad_signature', detail, raw: JSON.stringify(fields) }
  }
  const frames = unpack(part('h'), part('d'))
  if (frames === undefined) {
    return {
      type: 'rejected',
      reason: 'bad_entry',
      detail: 'header does not fit the texts',
      raw: JSON.stringify(fields),
    }
  }
  return { type: 'entry', entry: { stream, id, epoch: part('e'), firstOrdinal: Number(part('o')), frames } }
}
