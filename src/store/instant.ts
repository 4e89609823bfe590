/** A commit names few instants, and each of them often: making their texts took 2 % of a busy normalizer's time. */
const texts = new Map<number, string>()
const MOST_TEXTS = 1_000

const textOf = (timeMs: number): string => {
  const known = texts.get(timeMs)
  if (known !== undefined) return known
  if (texts.size >= MOST_TEXTS) texts.clear()
  const text = new Date(timeMs).toISOString()
  texts.set(timeMs, text)
  return text
}

/** Epoch ms as the text of a timestamptz inside a JSON parameter; null where there is none. */
export const instant = (timeMs: number | undefined): string | null => (timeMs === undefined ? null : textOf(timeMs))
