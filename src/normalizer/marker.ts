import { GAP_REASONS, type Frame, type GapReason, type Marker } from '../domain/frame.ts'
import { isShedTier } from '../domain/shed.ts'

const REASONS: ReadonlySet<string> = new Set(GAP_REASONS)

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

const toTimes = (value: unknown): Record<string, number> =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter(([, timeMs]) => typeof timeMs === 'number'))
    : {}

const toDepth = (value: object): Marker | undefined => {
  const levels: unknown = 'levels' in value ? value.levels : undefined
  const tier: unknown = 'tier' in value ? value.tier : 0
  if (typeof levels !== 'number' || !Number.isInteger(levels) || levels < 0 || !isShedTier(tier)) return undefined
  return { type: 'depth', levels, tier, newest: 'newest' in value ? toTimes(value.newest) : {} }
}

/** Text of a `marker` frame; undefined for anything else (its entry is signed, so that is a fault of ours). */
export const parseMarker = (text: string): Marker | undefined => {
  const value = parse(text)
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'depth') return toDepth(value)
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
