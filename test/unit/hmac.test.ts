import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSigner } from '../../src/lib/hmac.ts'

const expected = (secret: string, text: string): string => createHmac('sha256', secret).update(text).digest('base64url')

test('a signature is the HMAC-SHA256 of the text, whatever the key, the alphabet and the length', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 200 })
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
      fc.array(texts, { maxLength: 5 }),
      (secret, all) => {
        const sign = createSigner(secret)
        for (const text of all) expect(sign(text)).toBe(expected(secret, text))
      },
    ),
  )
})

test('a text beyond the shared buffer is signed whole, and leaves nothing behind for the next one', () => {
  const sign = createSigner('a secret of these tests')
  for (const text of ['ü'.repeat(600_000), 'short', 'x'.repeat(262_144), '']) {
    expect(sign(text)).toBe(expected('a secret of these tests', text))
  }
})
