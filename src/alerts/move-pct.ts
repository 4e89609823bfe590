import type { MoveProgress } from '../domain/progress.ts'
import { Gauge } from './gauge.ts'
import { midOf } from './mid.ts'
import { MoveWindow } from './move-window.ts'
import type { Condition, Meter } from './rule.ts'

/** A mid that is not known, for a moment or in a gap, is not bridged: the window begins anew. */
const moveMeter = (windowMs: number, kept?: MoveProgress): Meter => {
  const gauge = new Gauge()
  const window = new MoveWindow(windowMs)
  if (kept !== undefined) window.restore(kept)
  return {
    add: (watched) => gauge.add(watched),
    remove: (watched) => gauge.remove(watched),
    isDue: (book, atTimeMs) => {
      const mid = midOf(book)
      if (mid === undefined) return false
      window.advance(atTimeMs)
      if (gauge.isDue(Math.abs(window.moveTo(mid)), atTimeMs)) return true
      // What the passing of time has made false may hold again by this very move.
      return window.value !== undefined && gauge.isDue(Math.abs(window.moveTo(window.value)), atTimeMs)
    },
    settle: (book, at, journal) => {
      const mid = midOf(book)
      if (mid === undefined) return window.clear()
      window.advance(at.capturedTimeMs)
      // What the passing of time alone has made false comes first: the next move is another crossing.
      const stood = window.value
      const before = stood === undefined || stood === mid ? undefined : window.moveTo(stood)
      if (before !== undefined) gauge.look(Math.abs(before), before, at, journal)
      window.push(mid, at.capturedTimeMs)
      const move = window.moveTo(mid)
      gauge.look(Math.abs(move), move, at, journal)
    },
    readyTimeMs: () => gauge.readyTimeMs,
    lose: () => window.clear(),
    isNeeded: (book) => midOf(book) !== window.value,
    watches: 'top',
    progress: (most) => window.progress(most),
  }
}

const MOST_PERCENT = 1_000_000_000_000

/** The mid moved by the threshold or more, up or down, from its lowest or highest within the window. */
export const movePct: Condition = {
  threshold: { least: 1, most: MOST_PERCENT },
  takes: ['window'],
  toWatch: ({ threshold, windowMs }) => ({
    type: 'book',
    key: `move ${windowMs}`,
    level: threshold - 1,
    openMeter: (kept) => moveMeter(windowMs, kept),
  }),
}
