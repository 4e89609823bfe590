const QUOTE = 34
const BACKSLASH = 92
const OPEN = new Set([91, 123])
const CLOSE = new Set([93, 125])
const COMMA = 44

/** Index of the quote that ends the string which starts at `start`, or -1. */
const endOfString = (text: string, start: number): number => {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return at
  }
  return -1
}

/**
 * Texts of the elements of a JSON array, sliced and not re-serialised; undefined where the text is no whole array.
 * Brackets within strings do not count. Elements are not validated: a consumer that parses them will.
 */
export const splitArray = (text: string): string[] | undefined => {
  const whole = text.trim()
  if (!whole.startsWith('[') || !whole.endsWith(']')) return undefined
  const elements: string[] = []
  let depth = 0
  let start = 1
  for (let at = 0; at < whole.length; at++) {
    const code = whole.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(whole, at)
      if (at === -1) return undefined
    } else if (OPEN.has(code)) depth++
    else if (CLOSE.has(code)) {
      depth--
      if (depth === 0 && at < whole.length - 1) return undefined
    } else if (code === COMMA && depth === 1) {
      elements.push(whole.slice(start, at).trim())
      start = at + 1
    }
  }
  if (depth !== 0) return undefined
  const last = whole.slice(start, -1).trim()
  if (last !== '' || elements.length > 0) elements.push(last)
  return elements
}

const skipSpaces = (text: string, from: number): number => {
  let at = from
  while (text.charCodeAt(at) <= 32) at++
  return at
}

/** Text of a string member whose quoted key is at `keyAt`; undefined where its value is not a plain string. */
const stringAfter = (text: string, keyAt: number, key: string): string | undefined => {
  const colonAt = skipSpaces(text, keyAt + key.length)
  if (text.charCodeAt(colonAt) !== 58) return undefined
  const startAt = skipSpaces(text, colonAt + 1)
  if (text.charCodeAt(startAt) !== QUOTE) return undefined
  const endAt = text.indexOf('"', startAt + 1)
  return endAt === -1 ? undefined : text.slice(startAt + 1, endAt)
}

/** Texts of the values of a JSON object's members by key, sliced; undefined where the text is no whole object. */
export const splitMembers = (text: string): Map<string, string> | undefined => {
  const whole = text.trim()
  if (!whole.startsWith('{') || !whole.endsWith('}')) return undefined
  const members = splitArray(`[${whole.slice(1, -1)}]`)
  if (members === undefined) return undefined
  const values = new Map<string, string>()
  for (const member of members) {
    const match = /^"((?:[^"\\]|\\.)*)"\s*:\s*/.exec(member)
    if (match === null) return undefined
    values.set(match[1] ?? '', member.slice(match[0].length))
  }
  return values
}

/** Text of the first number member with this key (given with its quotes), found without parsing. */
export const firstNumber = (text: string, key: string): string | undefined => {
  const at = text.indexOf(key)
  return at === -1 ? undefined : /^\s*:\s*(-?\d[\d.eE+-]*)/.exec(text.slice(at + key.length, at + key.length + 64))?.[1]
}

/**
 * Value of the first string member with this key (given with its quotes), found without parsing. A bare quoted key
 * cannot occur within a JSON string, where its quotes would be escaped; it may belong to a nested object.
 */
export const firstString = (text: string, key: string): string | undefined => {
  const at = text.indexOf(key)
  return at === -1 ? undefined : stringAfter(text, at, key)
}

/** As `firstString`, from the end: cheap for keys that come late. */
export const lastString = (text: string, key: string): string | undefined => {
  const at = text.lastIndexOf(key)
  return at === -1 ? undefined : stringAfter(text, at, key)
}

/** Calls `visit` with the value of each plain string member with this key (given with its quotes), nested ones too. */
export const eachString = (text: string, key: string, visit: (value: string) => void): void => {
  for (let at = text.indexOf(key); at !== -1; at = text.indexOf(key, at + key.length)) {
    const value = stringAfter(text, at, key)
    if (value !== undefined) visit(value)
  }
}
