import type { Distribution } from './distribution.ts'

/** Figures that are made when somebody looks. */
export type Look = () => [name: string, value: number][] | Promise<[name: string, value: number][]>

/**
 * Figures of one process, read by the status line, by tests and by `/metrics`. Counters only grow; gauges are the last
 * value. `<family>:<label>` is one of a family that differs by a label; those are of no interest to the status line.
 */
export type Stats = {
  count(name: string, by?: number): void
  set(name: string, value: number): void
  /** A copy of all figures that were counted or set. */
  read(): Record<string, number>
  /** Has `look` asked by `readAll` until the returned function is called. What several say of one name is added up. */
  follow(look: Look): () => void
  /** All figures; what was followed stands above what was set. A look that fails says nothing. */
  readAll(): Promise<Record<string, number>>
  /** Makes a distribution known under a name, for as long as the process lives. */
  show(name: string, distribution: Distribution): void
  distribution(name: string): Distribution | undefined
}

export const isLabelled = (name: string): boolean => name.includes(':')

const addUp = (looked: [string, number][][]): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const [name, value] of looked.flat()) sums[name] = (sums[name] ?? 0) + value
  return sums
}

export const createStats = (): Stats => {
  const figures: Record<string, number> = {}
  const followed = new Set<Look>()
  const distributions = new Map<string, Distribution>()
  return {
    count: (name, by = 1) => {
      figures[name] = (figures[name] ?? 0) + by
    },
    set: (name, value) => {
      figures[name] = value
    },
    read: () => ({ ...figures }),
    follow: (look) => {
      followed.add(look)
      return () => void followed.delete(look)
    },
    readAll: async () => {
      const looks = await Promise.allSettled([...followed].map(async (look) => look()))
      return { ...figures, ...addUp(looks.map((one) => (one.status === 'fulfilled' ? one.value : []))) }
    },
    show: (name, distribution) => void distributions.set(name, distribution),
    distribution: (name) => distributions.get(name),
  }
}
