/** Figures of one process, read by the status line and by tests. Counters only grow; gauges are the last value. */
export type Stats = {
  count(name: string, by?: number): void
  set(name: string, value: number): void
  /** A copy of all figures. */
  read(): Record<string, number>
}

export const createStats = (): Stats => {
  const figures: Record<string, number> = {}
  return {
    count: (name, by = 1) => {
      figures[name] = (figures[name] ?? 0) + by
    },
    set: (name, value) => {
      figures[name] = value
    },
    read: () => ({ ...figures }),
  }
}
