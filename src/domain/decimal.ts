/** Prices and sizes inside the process are integers of a millionth: exact, comparable, and cheap. */
export const MILLION = 1_000_000

const DECIMAL = /^(\d{1,10})(?:\.(\d{1,6}))?$/

/**
 * Millionths of a decimal text such as `"0.46"` or `"918.34"`.
 *
 * @returns undefined for anything that is not a plain non-negative decimal with at most 6 places,
 *   or that does not fit a safe integer (9,007,199,254.740991): the caller rejects it as data.
 */
export const toMillionths = (text: string): number | undefined => {
  const match = DECIMAL.exec(text)
  if (match === null) return undefined
  const whole = Number(match[1])
  const fraction = match[2] === undefined ? 0 : Number(match[2].padEnd(6, '0'))
  const value = whole * MILLION + fraction
  return Number.isSafeInteger(value) ? value : undefined
}

/** Canonical decimal text of a number of millionths: no trailing zeros, as the venue sends it. */
export const fromMillionths = (value: number): string => {
  const whole = Math.floor(value / MILLION)
  const fraction = value - whole * MILLION
  if (fraction === 0) return String(whole)
  return `${whole}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`
}

/**
 * As `toMillionths`, for products that do not fit a number.
 *
 * @throws Error for anything that is not a plain non-negative decimal with at most 6 places: such texts are rejected where
 *   they come in.
 */
export const toBigMillionths = (text: string): bigint => {
  const match = /^(\d+)(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) throw new Error(`expected a decimal with at most 6 places, came "${text}"`)
  return BigInt(`${match[1]}${(match[2] ?? '').padEnd(6, '0')}`)
}

/** Canonical decimal text of a number of units of 10^-places, as `fromMillionths`. */
export const fromScaled = (value: bigint, places: number): string => {
  const digits = String(value < 0n ? -value : value).padStart(places + 1, '0')
  const fraction = digits.slice(-places).replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -places)}${fraction === '' ? '' : `.${fraction}`}`
}

/**
 * Reverse of `fromScaled`, for texts of our own.
 *
 * @throws Error for what has more places.
 */
export const toScaled = (text: string, places: number): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  if (fraction.length > places) throw new Error(`expected at most ${places} places, came "${text}"`)
  return BigInt(whole + fraction.padEnd(places, '0'))
}
