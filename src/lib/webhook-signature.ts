import { createHmac, timingSafeEqual } from 'node:crypto'

/** Headers of a signed webhook, in both directions. */
export const TIMESTAMP_HEADER = 'x-polytape-timestamp'
export const SIGNATURE_HEADER = 'x-polytape-signature'

/** A call is `fresh` within this time of its timestamp, ahead or behind; older ones may be replays. */
export const REPLAY_WINDOW_MS = 300_000

export type Verdict = { type: 'accepted' } | { type: 'refused'; reason: string }

type Signed = { timestampMs: number; body: string; secret: string }

/** `sha256=<lower-case hex HMAC-SHA256 of "<timestamp ms>.<body>">`, body byte for byte as sent. */
const signatureOf = ({ timestampMs, body, secret }: Signed): string =>
  `sha256=${createHmac('sha256', secret).update(`${timestampMs}.${body}`).digest('hex')}`

/** The two headers that go with a body that is sent now. */
export const signatureHeaders = (signed: Signed): Record<string, string> => ({
  [TIMESTAMP_HEADER]: String(signed.timestampMs),
  [SIGNATURE_HEADER]: signatureOf(signed),
})

const isEqual = (given: string, expected: string): boolean => {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

type Received = { timestamp: string | undefined; signature: string | undefined; body: string }

/** Whether a received call was signed with the secret, within the replay window. The reason says what was expected. */
export const verifySignature = (received: Received, secret: string, nowMs: number): Verdict => {
  const { timestamp, signature, body } = received
  if (timestamp === undefined || signature === undefined) {
    return { type: 'refused', reason: `expected the headers ${TIMESTAMP_HEADER} and ${SIGNATURE_HEADER}` }
  }
  if (!/^\d{1,15}$/.test(timestamp)) {
    return { type: 'refused', reason: `${TIMESTAMP_HEADER}: expected epoch ms, got ${timestamp.slice(0, 40)}` }
  }
  const timestampMs = Number(timestamp)
  if (Math.abs(nowMs - timestampMs) > REPLAY_WINDOW_MS) {
    const offMs = nowMs - timestampMs
    return {
      type: 'refused',
      reason: `${TIMESTAMP_HEADER} is ${offMs} ms off; at most ${REPLAY_WINDOW_MS} ms are taken`,
    }
  }
  const isOurs = isEqual(signature, signatureOf({ timestampMs, body, secret }))
  return isOurs ? { type: 'accepted' } : { type: 'refused', reason: `${SIGNATURE_HEADER} does not fit the body` }
}
