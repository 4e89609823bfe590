import { hash } from 'node:crypto'

/**
 * How many equal elements are appended already, by key. It survives nothing: after a restart all is found again, and what
 * is appended twice changes nothing.
 */
export type Known = {
  /** 0 for one that was never seen, or is forgotten. */
  countOf(key: string): number
  /** `timeMs`: the venue's, of the element. */
  raise(key: string, count: number, timeMs: number): void
  forgetAll(): void
}

/** 72 bits: an hour of the busiest venue is known by them, where whole keys are 200 letters each. */
const LETTERS = 12

/** A market that is not recorded may be later: its elements are noted under another key, and so are new then. */
export const knownKey = ({ key }: { key: string }, isWanted: boolean): string =>
  hash('sha1', isWanted ? key : `other ${key}`, 'base64').slice(0, LETTERS)

type Entry = { count: number; timeMs: number }

/**
 * Forgets beyond `most`, a tenth at a time, and the oldest by the venue's time: a catch-up reads the newest first, which the
 * next poll reads again.
 */
export const createKnown = (most: number): Known => {
  const entries = new Map<string, Entry>()
  const forgetOldest = (): void => {
    const oldestFirst = [...entries].toSorted(([, left], [, right]) => left.timeMs - right.timeMs)
    const count = entries.size - most + Math.floor(most / 10)
    for (const [key] of oldestFirst.slice(0, count)) entries.delete(key)
  }
  return {
    countOf: (key) => entries.get(key)?.count ?? 0,
    raise: (key, count, timeMs) => {
      if ((entries.get(key)?.count ?? 0) >= count) return
      entries.set(key, { count, timeMs })
      if (entries.size > most) forgetOldest()
    },
    forgetAll: () => entries.clear(),
  }
}
