/** Values of a parameter that may come several times and with commas. */
export const listOf = (query: URLSearchParams, ...names: string[]): string[] =>
  names
    .flatMap((name) => query.getAll(name))
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')

export const countOf = (query: URLSearchParams, name: string, initial: number): number => {
  const value = Number(query.get(name) ?? initial)
  return Number.isInteger(value) && value >= 0 ? value : initial
}

export const take = <T>(items: Iterable<T>, count: number): T[] => {
  const taken: T[] = []
  if (count <= 0) return taken
  for (const item of items) {
    taken.push(item)
    if (taken.length >= count) break
  }
  return taken
}

/** Opaque to the reader: the place it has come to and the page size it began with. */
export const encodeCursor = (sequence: number, limit: number): string =>
  Buffer.from(`${sequence}:${limit}`).toString('base64url')

export const decodeCursor = (text: string): { sequence: number; limit: number } | undefined => {
  const match = /^(\d+):(\d+)$/.exec(Buffer.from(text, 'base64url').toString('utf8'))
  return match === null ? undefined : { sequence: Number(match[1]), limit: Number(match[2]) }
}
