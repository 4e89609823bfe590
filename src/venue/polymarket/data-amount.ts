import { toMillionths } from '../../domain/decimal.ts'

const NUMBER = /^(\d{1,10})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?$/
const PLACES = 6

/** Digits of `whole.fraction × 10^exponent`, with the number of places behind the point. */
const shift = (digits: string, places: number): { whole: string; fraction: string } => {
  const padded = places < 0 ? digits.padEnd(digits.length - places, '0') : digits.padStart(places + 1, '0')
  const at = padded.length - Math.max(places, 0)
  return { whole: padded.slice(0, at), fraction: padded.slice(at) }
}

const rounded = ({ whole, fraction }: { whole: string; fraction: string }): string => {
  const kept = BigInt(whole + fraction.slice(0, PLACES).padEnd(PLACES, '0'))
  const digits = String(kept + (Number(fraction.charAt(PLACES)) >= 5 ? 1n : 0n)).padStart(PLACES + 1, '0')
  return `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, '')
}

/**
 * Decimal text with at most 6 places of a JSON number's text. The venue computes some of its numbers from amounts, with
 * binary noise (`0.47000000037`) or an exponent (`1e-06`): those are rounded to the millionth, in which the market channel
 * tells the same trade. Any other text stays as it is.
 *
 * @returns undefined for what is no such number, negative ones included.
 */
export const toAmountText = (text: string): string | undefined => {
  if (toMillionths(text) !== undefined) return text
  const match = NUMBER.exec(text)
  if (match === null) return undefined
  const [, whole = '', fraction = '', exponent = '0'] = match
  const amount = rounded(shift(whole + fraction, fraction.length - Number(exponent)))
  return toMillionths(amount) === undefined ? undefined : amount
}
