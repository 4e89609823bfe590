const UNITS: readonly [string, number][] = [
  ['GB', 1_000_000_000],
  ['MB', 1_000_000],
  ['kB', 1_000],
]

/** `1.2 GB` */
export const sizeText = (bytes: number): string => {
  const [unit, size] = UNITS.find(([, least]) => bytes >= least) ?? ['bytes', 1]
  return `${size === 1 ? bytes : (bytes / size).toFixed(bytes / size < 10 ? 1 : 0)} ${unit}`
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?$/i
const FACTORS: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['kb', 1_000],
  ['mb', 1_000_000],
  ['gb', 1_000_000_000],
])

/** Bytes of `500MB`, `2 GB` or `1000000`; undefined where it is no size. */
export const parseSize = (text: string): number | undefined => {
  const match = SIZE.exec(text.trim())
  const bytes = match === null ? 0 : Math.round(Number(match[1]) * (FACTORS.get((match[2] ?? 'b').toLowerCase()) ?? 1))
  return bytes > 0 ? bytes : undefined
}
