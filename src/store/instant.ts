/** Epoch ms as the text of a timestamptz inside a JSON parameter; null where there is none. */
export const instant = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : new Date(timeMs).toISOString()
