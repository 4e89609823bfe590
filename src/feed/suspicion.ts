/** A token's book as REST has it: venue time of its last change, and its hash. */
export type RestState = { timeMs: number; hash: string }

/** The newest book or change of a token that the normalizer has applied. */
export type Applied = { timeMs: number; hash: string }

/** What REST is compared with. `seenTimeMs`: newest venue time that its socket brought. */
export type Comparison = { rest: RestState; seenTimeMs: number; applied: Applied | undefined }

/**
 * `current`: nothing is missing, or nothing says so: an older answer of REST (a cache, a ghost book) is no evidence.
 * `stalled`: REST has a newer book than ever came. `lagging`: it came, but the normalizer has not applied it.
 * `other_hash`: a change of that millisecond was applied, but REST says that it was not the last.
 */
export type Verdict = 'current' | 'stalled' | 'lagging' | 'other_hash'

export const judge = ({ rest, seenTimeMs, applied }: Comparison): Verdict => {
  if (Math.max(seenTimeMs, applied?.timeMs ?? 0) < rest.timeMs) return 'stalled'
  if (applied === undefined || applied.timeMs > rest.timeMs) return 'current'
  if (applied.timeMs < rest.timeMs) return 'lagging'
  return applied.hash === rest.hash ? 'current' : 'other_hash'
}

/** Reads field `applied` of a market's quote: `<venue ms>:<hash>` an outcome, `:` where none. */
export const parseApplied = (text: string | undefined, index: number): Applied | undefined => {
  const [time = '', hash = ''] = text?.split(' ')[index]?.split(':') ?? []
  const timeMs = Number(time)
  return time === '' || !Number.isFinite(timeMs) ? undefined : { timeMs, hash }
}
