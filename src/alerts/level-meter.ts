import type { Book } from '../domain/book.ts'
import { Gauge } from './gauge.ts'
import type { Meter } from './rule.ts'

/**
 * Compares something that a book shows at each moment. `measure`: in millionths; undefined: the book does not say, and
 * rules stay as they are. Of what is `enough` or more it may say that it is `enough`. `sign` -1: rules hold below their
 * threshold.
 */
export const levelMeter = (
  measure: (book: Book, enough: number) => number | undefined,
  sign: 1 | -1,
  watches: Meter['watches'] = 'top',
): Meter => {
  const gauge = new Gauge()
  const isDue = (book: Book, atTimeMs: number): boolean => {
    const value = measure(book, sign === 1 ? Infinity : -gauge.lowest)
    return value !== undefined && gauge.isDue(sign * value, atTimeMs)
  }
  return {
    add: (watched) => gauge.add(watched),
    remove: (watched) => gauge.remove(watched),
    isDue,
    // A state is settled for all meters where one of them is due: most are not.
    settle: (book, at, journal) => {
      if (!isDue(book, at.capturedTimeMs)) return
      const value = measure(book, Infinity)
      if (value !== undefined) gauge.look(sign * value, value, at, journal)
    },
    readyTimeMs: () => gauge.readyTimeMs,
    lose: () => undefined,
    isNeeded: () => false,
    watches,
  }
}
