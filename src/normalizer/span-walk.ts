import type { TimeSpan } from '../domain/span.ts'

/** A span that was filled, from its first book on. */
export type FilledSpan = TimeSpan & { rows: number }

const DAY_MS = 86_400_000

/** Each day's rows stand alone: spans end at midnight (UTC). */
const byDay = ({ fromTimeMs, toTimeMs }: TimeSpan): TimeSpan[] => {
  const midnightMs = (Math.floor(fromTimeMs / DAY_MS) + 1) * DAY_MS
  if (toTimeMs <= midnightMs) return [{ fromTimeMs, toTimeMs }]
  return [{ fromTimeMs, toTimeMs: midnightMs }, ...byDay({ fromTimeMs: midnightMs, toTimeMs })]
}

/**
 * Goes along spans in the order of time.
 *
 * States of a span: to come → open, at its beginning or at the first book within it → filled, at its end; or passed over,
 * where no book was known by its end. Where the book of an open one is lost, what was before is filled, and the rest to come.
 */
export const createSpanWalk = (spans: TimeSpan[]) => {
  const coming = spans.flatMap(byDay)
  const filled: FilledSpan[] = []
  let open: FilledSpan | undefined
  const close = (): void => {
    if (open !== undefined) filled.push(open)
    open = undefined
  }
  return {
    /** The one that rows are written to. */
    open: (): FilledSpan | undefined => open,
    /** Ends what ends by then. Calls `begin` for each span that begins by then, if a book is known that it can begin with. */
    advance: (timeMs: number, isKnown: boolean, begin: (span: FilledSpan) => void): void => {
      for (;;) {
        if (open !== undefined && open.toTimeMs <= timeMs) close()
        const next = coming[0]
        if (open !== undefined || next === undefined || next.fromTimeMs > timeMs) return
        if (!isKnown && next.toTimeMs > timeMs) return
        coming.shift()
        if (!isKnown) continue
        open = { ...next, rows: 0 }
        begin(open)
      }
    },
    /** Opens late the span that an instant lies in, if any. */
    join: (timeMs: number): FilledSpan | undefined => {
      const next = coming[0]
      if (open !== undefined || next === undefined || next.fromTimeMs > timeMs) return undefined
      coming.shift()
      open = { ...next, fromTimeMs: timeMs, rows: 0 }
      return open
    },
    /** Ends the open one, whose book is lost at an instant with the rows of that instant. */
    lose: (timeMs: number, lostRows: number): void => {
      if (open === undefined) return
      const { toTimeMs, rows } = open
      if (open.fromTimeMs < timeMs) filled.push({ ...open, toTimeMs: timeMs, rows: rows - lostRows })
      coming.unshift({ fromTimeMs: timeMs, toTimeMs })
      open = undefined
    },
    filled: (): FilledSpan[] => filled,
  }
}
