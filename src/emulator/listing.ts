/**
 * What an endpoint lists: items in the order in which they happened, each shown from some time on. One that comes late
 * appears in its place, between those that were there.
 */
export type Listing<T> = {
  add(item: T, shownFromTimeMs: number): void
  /** Newest first, those before `sequence` (all without): each with its place in the order. */
  newestFirst(before?: number): Iterable<{ sequence: number; item: T }>
}

type Listed<T> = { sequence: number; item: T; shownFromTimeMs: number }

export const createListing = <T>(now: () => number): Listing<T> => {
  const all: Listed<T>[] = []
  return {
    add: (item, shownFromTimeMs) => void all.push({ sequence: all.length, item, shownFromTimeMs }),
    *newestFirst(before = all.length) {
      const timeMs = now()
      for (let at = Math.min(before, all.length) - 1; at >= 0; at--) {
        const one = all[at]
        if (one !== undefined && one.shownFromTimeMs <= timeMs) yield one
      }
    },
  }
}
