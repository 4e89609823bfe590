/** What Postgres's jsonb refuses: NUL, and half of a surrogate pair (which a JSON escape can bring). */
const REFUSED_ESCAPE = /\\u(?:0000|d[89a-f])/i
const LONE_SURROGATE = /[\uD800-\uDFFF]/gu

const acceptable = (_key: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', '\\u0000').replace(LONE_SURROGATE, '\uFFFD') : value

/**
 * JSON that Postgres takes whatever the texts hold: NUL is kept visibly as the six characters \u0000, half a surrogate
 * pair becomes U+FFFD. One refused character would end every commit after it.
 */
export const toJson = (rows: unknown): string => {
  const text = JSON.stringify(rows)
  return REFUSED_ESCAPE.test(text) ? JSON.stringify(rows, acceptable) : text
}
