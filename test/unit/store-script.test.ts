import fc from 'fast-check'
import pg from 'pg'
import { test } from 'vitest'
import { literal } from '../../src/store/script.ts'

test('a literal is what the Postgres client makes of the text, whatever is in it', () => {
  const text = fc.string({ unit: fc.oneof(fc.constantFrom("'", '\\', '"', '$', '\n'), fc.string({ maxLength: 3 })) })
  fc.assert(fc.property(text, (given) => literal(given) === pg.escapeLiteral(given)))
})
