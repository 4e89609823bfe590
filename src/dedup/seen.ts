import type { Redis } from 'ioredis'
import { within } from '../lib/every.ts'
import type { Stats } from '../lib/stats.ts'
import { createBitmaps } from './bitmaps.ts'
import type { SeenKind } from './kinds.ts'

/**
 * Remembers keys of what was committed, in rotating bloom filters: it answers "certainly not" or "perhaps", and whoever
 * asks confirms a "perhaps" exactly before anything is dropped. So nothing depends on it: without Redis (no answer:
 * "perhaps"), or when its bitmaps are lost ("certainly not"), the exact keys of Postgres decide as always, and only the
 * look-ups are more or fewer.
 */
export type Seen = {
  /** For each key: false where it was certainly not added for a period; true where it may have been. Never throws. */
  check(kind: SeenKind, keys: string[]): Promise<boolean[]>
  /** From now on these keys are seen in this process: their commit is under way. */
  hold(kind: SeenKind, keys: string[]): void
  /** To be called after the commit: a crash between the two must not lose what the keys stand for. Never throws. */
  add(kind: SeenKind, keys: string[]): Promise<void>
}

export type SeenDeps = {
  redis: Redis
  stats: Stats
  now: () => number
  /** How long an answer is awaited, in ms. */
  answerMs?: number | undefined
}

/** A bitmap answers in well under a millisecond; a commit must not wait longer for it than exact look-ups would take. */
const ANSWER_MS = 250
/** Bounds the keys in process: of batches that are being committed, and those that Redis did not take yet. */
const MOST_HELD = 50_000

const newKeys = (): Record<SeenKind, Set<string>> => ({ fills: new Set(), broadcasts: new Set() })

const keep = (kept: Set<string>, keys: string[]): void => {
  for (const key of keys) kept.add(key)
  for (const oldest of kept) {
    if (kept.size <= MOST_HELD) return
    kept.delete(oldest)
  }
}

export const createSeen = ({ redis, stats, now, answerMs = ANSWER_MS }: SeenDeps): Seen => {
  const bitmaps = createBitmaps(redis, now)
  const committing = newKeys()
  const unwritten = newKeys()

  /** Undefined where Redis did not answer in time. */
  const attempt = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await within(work, answerMs, 'the bitmaps of what was seen did not answer in time')
    } catch {
      stats.count('dedupErrors')
      return undefined
    }
  }

  const write = async (kind: SeenKind, keys: string[]): Promise<void> => {
    await bitmaps.set(kind, keys)
    for (const key of keys) unwritten[kind].delete(key)
  }

  return {
    hold: (kind, keys) => keep(committing[kind], keys),
    check: async (kind, keys) => {
      if (keys.length === 0) return []
      const found = await attempt(bitmaps.find(kind, keys))
      const isHere = (key: string): boolean => committing[kind].has(key) || unwritten[kind].has(key)
      return keys.map((key) => found === undefined || found.has(key) || isHere(key))
    },
    add: async (kind, keys) => {
      for (const key of keys) committing[kind].delete(key)
      keep(unwritten[kind], keys)
      if (unwritten[kind].size > 0) await attempt(write(kind, [...unwritten[kind]]))
    },
  }
}
