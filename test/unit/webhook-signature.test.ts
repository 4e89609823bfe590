import { expect, test } from 'vitest'
import {
  REPLAY_WINDOW_MS,
  SIGNATURE_HEADER,
  signatureHeaders,
  TIMESTAMP_HEADER,
  verifySignature,
} from '../../src/lib/webhook-signature.ts'

const SECRET = 'a secret of the test'
const NOW_MS = 1_790_000_000_000
const BODY = '{"type":"new_market","id":"1"}'

const signedAt = (timestampMs: number, body = BODY) => {
  const headers = signatureHeaders({ timestampMs, body, secret: SECRET })
  return { timestamp: headers[TIMESTAMP_HEADER], signature: headers[SIGNATURE_HEADER], body }
}

test('a call that was signed with the secret is accepted', () => {
  expect(verifySignature(signedAt(NOW_MS), SECRET, NOW_MS)).toEqual({ type: 'accepted' })
})

test('the signature is the documented one, so that others can compute it', () => {
  const { signature } = signedAt(NOW_MS)
  expect(signature).toBe('sha256=9e72ecf2452093cf502b92166b67b11184f3c2b5f1920e72354f3bc12c23d732')
})

test.each([
  ['another secret', { ...signedAt(NOW_MS) }, 'another secret'],
  ['another body', { ...signedAt(NOW_MS), body: `${BODY} ` }, SECRET],
  ['another time', { ...signedAt(NOW_MS), timestamp: String(NOW_MS + 1) }, SECRET],
  ['a signature of another length', { ...signedAt(NOW_MS), signature: 'sha256=' }, SECRET],
])('%s is refused', (_, received, secret) => {
  expect(verifySignature(received, secret, NOW_MS)).toEqual({
    type: 'refused',
    reason: `${SIGNATURE_HEADER} does not fit the body`,
  })
})

test('a call is refused when it is replayed after the window, or comes from further ahead', () => {
  for (const offMs of [REPLAY_WINDOW_MS + 1, -REPLAY_WINDOW_MS - 1]) {
    expect(verifySignature(signedAt(NOW_MS), SECRET, NOW_MS + offMs)).toMatchObject({ type: 'refused' })
  }
  expect(verifySignature(signedAt(NOW_MS), SECRET, NOW_MS + REPLAY_WINDOW_MS)).toEqual({ type: 'accepted' })
})

test('missing or malformed headers are refused with what was expected', () => {
  const { signature, body } = signedAt(NOW_MS)
  expect(verifySignature({ timestamp: undefined, signature, body }, SECRET, NOW_MS)).toMatchObject({
    reason: `expected the headers ${TIMESTAMP_HEADER} and ${SIGNATURE_HEADER}`,
  })
  expect(verifySignature({ timestamp: '1e12', signature, body }, SECRET, NOW_MS)).toMatchObject({
    reason: `${TIMESTAMP_HEADER}: expected epoch ms, got 1e12`,
  })
})
