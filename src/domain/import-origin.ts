/** Of a file to import: an http(s) address, else a path. */
export const isAddress = (origin: string): boolean => /^https?:\/\//i.test(origin)

/** Why nothing is imported from there, without what it says; undefined where it may be tried. */
export const originRefusal = (origin: string): string | undefined => {
  if (!isAddress(origin)) return undefined
  if (!URL.canParse(origin)) return 'expected an address of a file, got one that is none'
  const { username, password } = new URL(origin)
  if (username === '' && password === '') return undefined
  return 'expected an address without user and password: it would be kept where anybody can read it'
}

/** What may be shown and kept of an origin: the query of an address may be what opens it. */
export const shownOrigin = (origin: string): string => (isAddress(origin) ? origin.replace(/[?#].*$/s, '') : origin)
