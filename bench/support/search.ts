export type Search = {
  /** The first rate that is tried. */
  start: number
  /** While all hold, the next rate is so many times the last. */
  factor: number
  /** Ends when the lowest rate that failed is at most so many times the highest that held. */
  precision: number
  /** Bounds the time of a search that comes to no end. */
  mostSteps: number
}

/** `failed`: the lowest rate that did not hold; undefined where all that were tried did. */
export type Found = { held: number | undefined; failed: number | undefined }

const nextOf = ({ start, factor }: Search, { held, failed }: Found): number => {
  if (failed === undefined) return held === undefined ? start : held * factor
  return held === undefined ? failed / factor : Math.sqrt(held * failed)
}

/** A multiple of a hundred: rates are for people. */
const rounded = (rate: number): number => Math.max(100, Math.round(rate / 100) * 100)

/** The highest rate that holds: upwards by a factor until one fails, then between the two. */
export const findHighest = async (search: Search, holds: (rate: number) => Promise<boolean>): Promise<Found> => {
  const found: Found = { held: undefined, failed: undefined }
  for (let step = 0; step < search.mostSteps; step++) {
    const { held, failed } = found
    if (held !== undefined && failed !== undefined && failed <= held * search.precision) break
    const rate = rounded(nextOf(search, found))
    if (rate === held || rate === failed) break
    if (await holds(rate)) found.held = rate
    else found.failed = rate
  }
  return found
}
