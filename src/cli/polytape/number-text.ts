const MILLION = 1_000_000n
const PLACES = 6

const grouped = (whole: bigint): string => String(whole).replace(/\B(?=(\d{3})+$)/g, ',')

/** Places that show all of these millionths exactly, at least `least`. */
export const placesOf = (values: Iterable<bigint>, least: number): number => {
  let places = least
  for (const value of values) {
    while (places < PLACES && value % 10n ** BigInt(PLACES - places) !== 0n) places += 1
  }
  return places
}

/** `1,234.50` of a number of millionths; exact where `places` suffices, else cut. */
export const decimalText = (millionths: bigint, places: number): string => {
  const sign = millionths < 0n ? '-' : ''
  const value = millionths < 0n ? -millionths : millionths
  const fraction = String(value % MILLION)
    .padStart(PLACES, '0')
    .slice(0, places)
  return `${sign}${grouped(value / MILLION)}${places === 0 ? '' : `.${fraction}`}`
}

export const countText = (count: number): string => grouped(BigInt(count))

/** Half of the sum of two prices: one more place than they have where it needs it. */
export const midText = (bid: bigint, ask: bigint, places: number): string => {
  const middle = (bid + ask) / 2n
  return decimalText(middle, placesOf([middle], places))
}

/** `2026-11-23 20:15:00.123Z` */
export const timeText = (timeMs: number): string => new Date(timeMs).toISOString().replace('T', ' ')

/** `20:15:00.123` where it is of the same UTC day as `nearMs`, else with the date. */
export const clockText = (timeMs: number, nearMs: number): string => {
  const text = timeText(timeMs).slice(0, -1)
  return text.slice(0, 10) === timeText(nearMs).slice(0, 10) ? text.slice(11) : text
}

/** How long ago, as a person says it. */
export const ageText = (ageMs: number): string => {
  const seconds = Math.max(0, ageMs) / 1_000
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms ago`
  if (seconds < 60) return `${seconds.toFixed(1)} s ago`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`
  return `${(seconds / 3_600).toFixed(1)} h ago`
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of up to `width` cells, in eighths; anything above 0 shows. */
export const barText = (share: number, width: number): string => {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(Math.min(1, share) * width * 8))
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
}
