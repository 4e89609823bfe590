/**
 * How many equal elements are appended already, by key. It survives nothing: after a restart all is found again, and what
 * is appended twice changes nothing.
 */
export type Known = {
  /** 0 for one that was never seen. */
  countOf(key: string): number
  raise(key: string, count: number): void
}

/** Forgets the oldest beyond `most`. */
export const createKnown = (most: number): Known => {
  const counts = new Map<string, number>()
  return {
    countOf: (key) => counts.get(key) ?? 0,
    raise: (key, count) => {
      if ((counts.get(key) ?? 0) >= count) return
      counts.set(key, count)
      const [oldest] = counts.keys()
      if (counts.size > most && oldest !== undefined) counts.delete(oldest)
    },
  }
}
