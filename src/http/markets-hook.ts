import { z } from 'zod'
import { REPLAY_WINDOW_MS, SIGNATURE_HEADER, TIMESTAMP_HEADER, verifySignature } from '../lib/webhook-signature.ts'
import type { Stats } from '../lib/stats.ts'
import { refused, type Answer, type Call, type Route } from './server.ts'

const MOST_MARKETS = 500
/** Signatures remembered: 16 calls a second over the whole window. What is above is told to come again. */
const MOST_SIGNATURES = 10_000

const body = z.strictObject({
  markets: z
    .array(z.string().regex(/^\d{1,20}$/, 'expected the venue\'s numeric market id as text, such as "516710"'))
    .min(1)
    .max(MOST_MARKETS),
})

const EXPECTED = 'expected {"markets":["516710", …]}'

export type MarketsHookDeps = {
  /** Undefined: the hook is off. */
  secret: string | undefined
  /** False where too many wait already. */
  want: (marketId: string) => boolean
  stats: Stats
  now: () => number
}

/** Each signature is accepted once while its timestamp is within the window; afterwards the timestamp refuses it. */
const createOnce = (now: () => number) => {
  const accepted = new Map<string, number>()
  const forget = (): void => {
    for (const [signature, untilMs] of accepted) {
      if (untilMs >= now()) return
      accepted.delete(signature)
    }
  }
  return (signature: string): 'first' | 'again' | 'full' => {
    forget()
    if (accepted.has(signature)) return 'again'
    if (accepted.size >= MOST_SIGNATURES) return 'full'
    // A timestamp may be ahead by as much as it may be behind.
    accepted.set(signature, now() + 2 * REPLAY_WINDOW_MS)
    return 'first'
  }
}

const parse = (text: string): z.infer<typeof body> | string => {
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    return `${EXPECTED}, got no JSON`
  }
  const result = body.safeParse(object)
  if (result.success) return result.data
  const [issue] = result.error.issues
  return `${EXPECTED}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`
}

/** `POST /hooks/markets`: somebody knows that these markets changed. They are refreshed at once. */
export const marketsHook = ({ secret, want, stats, now }: MarketsHookDeps): Route => {
  const once = createOnce(now)
  const answer = ({ body: text, header }: Call): Answer => {
    if (secret === undefined) return refused(503, 'this hook is off: HOOKS_SECRET is not set')
    const signature = header(SIGNATURE_HEADER)
    const verdict = verifySignature({ timestamp: header(TIMESTAMP_HEADER), signature, body: text }, secret, now())
    if (verdict.type === 'refused') return refused(401, verdict.reason)
    const asked = parse(text)
    if (typeof asked === 'string') return refused(400, asked)
    const seen = once(signature ?? '')
    if (seen === 'again') return refused(409, 'this call was accepted before: sign each call anew')
    if (seen === 'full') return refused(429, 'too many calls', { 'retry-after': '60' })
    const markets = [...new Set(asked.markets)]
    if (!markets.map(want).includes(true)) return refused(429, 'too many markets wait', { 'retry-after': '10' })
    return { status: 202, body: { accepted: markets.length } }
  }
  return {
    method: 'POST',
    path: '/hooks/markets',
    answer: (call) => {
      const given = answer(call)
      stats.count(given.status === 202 ? 'hooksAccepted' : 'hooksRefused')
      return given
    },
  }
}
