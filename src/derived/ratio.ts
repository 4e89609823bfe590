const PLACES = 9
const SCALE = 10n ** BigInt(PLACES)

const trimmed = (whole: string, fraction: string): string => {
  const kept = fraction.replace(/0+$/, '')
  return kept === '' ? whole : `${whole}.${kept}`
}

/** numerator / denominator (> 0) as a decimal of at most 9 places, half rounded away from zero, as `round` of Postgres does. */
export const ratioText = (numerator: bigint, denominator: bigint): string => {
  const isNegative = numerator < 0n
  const scaled = ((isNegative ? -numerator : numerator) * SCALE * 2n + denominator) / (denominator * 2n)
  const text = trimmed(String(scaled / SCALE), String(scaled % SCALE).padStart(PLACES, '0'))
  return isNegative && scaled > 0n ? `-${text}` : text
}
