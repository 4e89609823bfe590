import type { Frame, GapReason, Marker } from '../domain/frame.ts'

const REASONS: ReadonlySet<string> = new Set<GapReason>([
  'disconnect',
  'feed_restart',
  'overflow',
  'paused',
  'stopped',
  'snapshot_missing',
  'stream_loss',
  'hash_mismatch',
  'best_price',
  'token_stalled',
  'refused_row',
  'bad_signature',
  'bad_message',
  'venue_restart',
])

const isReason = (value: unknown): value is GapReason => typeof value === 'string' && REASONS.has(value)
const isTokens = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((token) => typeof token === 'string')

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const toDepth = (levels: unknown): Marker | undefined =>
  typeof levels === 'number' && Number.isInteger(levels) && levels >= 0 ? { type: 'depth', levels } : undefined

/** Text of a `marker` frame; undefined for anything else (its entry is signed, so that is a fault of ours). */
export const parseMarker = (text: string): Marker | undefined => {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'depth') return 'levels' in value ? toDepth(value.levels) : undefined
  if (!('tokens' in value)) return undefined
  const { type, tokens } = value
  if (!isTokens(tokens)) return undefined
  if (type === 'subscribed' || type === 'unsubscribed' || type === 'asked' || type === 'continued')
    return { type, tokens }
  if (type !== 'gap' || !('reason' in value) || !isReason(value.reason)) return undefined
  return { type, tokens, reason: value.reason, detail: 'detail' in value ? String(value.detail) : '' }
}

/** Whether a connection begins with the word that nothing is missing since the one before it. */
export const isContinuation = ({ kind, text }: Frame): boolean =>
  kind === 'marker' && parseMarker(text)?.type === 'continued'
