import type { Distribution } from './distribution.ts'
import { within } from './every.ts'

type Looked = [name: string, value: number][]

/** Figures that are made when somebody looks. */
export type Look = () => Looked | Promise<Looked>

/** A server that hangs must not keep whoever scrapes from all other figures. */
const LOOK_MS = 1_000

/**
 * Figures of one process, read by the status line, by tests and by `/metrics`. Counters only grow; gauges are the last
 * value. `<family>:<label>` is one of a family that differs by a label; those are of no interest to the status line.
 */
export type Stats = {
  count(name: string, by?: number): void
  set(name: string, value: number): void
  /** What is counted while it runs is thrown away: work of before that is done once more. */
  aside(run: () => void): void
  /** A copy of all figures that were counted or set. */
  read(): Record<string, number>
  /** Counters that are kept elsewhere, such as bytes of sockets. */
  tally(counters: () => Looked): void
  /** Those too; asks no look, however often it is called. */
  readCounted(): Record<string, number>
  /** Has `look` asked by `readAll` until the returned function is called. What several say of one name is added up. */
  follow(look: Look): () => void
  /** All figures; what was followed stands above what was set. A look that fails or is late says nothing: `looksLost`. */
  readAll(): Promise<Record<string, number>>
  /** Makes a distribution known under a name, for as long as the process lives. */
  show(name: string, distribution: Distribution): void
  distribution(name: string): Distribution | undefined
}

export const isLabelled = (name: string): boolean => name.includes(':')

const addUp = (looked: Looked[]): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const [name, value] of looked.flat()) sums[name] = (sums[name] ?? 0) + value
  return sums
}

/** Asks each look once at a time: what hangs is waited for again, and not piled up. */
const createAsk = (lost: () => void, lookMs: number): ((look: Look) => Promise<Looked>) => {
  const underWay = new Map<Look, Promise<Looked>>()
  const begin = (look: Look): Promise<Looked> => {
    const work = (async () => look())().finally(() => underWay.delete(look))
    underWay.set(look, work)
    return work
  }
  return async (look) => {
    try {
      return await within(underWay.get(look) ?? begin(look), lookMs, 'the look is late')
    } catch {
      lost()
      return []
    }
  }
}

/** `lookMs`: how long a look is waited for. */
export const createStats = ({ lookMs = LOOK_MS } = {}): Stats => {
  const figures: Record<string, number> = {}
  const tallies: (() => Looked)[] = []
  const followed = new Set<Look>()
  const distributions = new Map<string, Distribution>()
  let isAside = false
  const count = (name: string, by = 1): void => {
    if (!isAside) figures[name] = (figures[name] ?? 0) + by
  }
  const ask = createAsk(() => count('looksLost'), lookMs)
  const readCounted = (): Record<string, number> => ({ ...figures, ...addUp(tallies.map((counters) => counters())) })
  return {
    count,
    set: (name, value) => {
      figures[name] = value
    },
    aside: (run) => {
      isAside = true
      try {
        run()
      } finally {
        isAside = false
      }
    },
    read: () => ({ ...figures }),
    tally: (counters) => void tallies.push(counters),
    readCounted,
    follow: (look) => {
      followed.add(look)
      return () => void followed.delete(look)
    },
    readAll: async () => {
      const looked = await Promise.all([...followed].map(ask))
      return { ...readCounted(), ...addUp(looked) }
    },
    show: (name, distribution) => void distributions.set(name, distribution),
    distribution: (name) => distributions.get(name),
  }
}
