/** Seeded and repeatable choices; mulberry32. */
export type Dice = {
  below: (limit: number) => number
  pick: <T>(from: readonly T[]) => T
  /** Picks by weight. */
  weigh: <T>(from: readonly (readonly [weight: number, choice: T])[]) => T
}

export const createDice = (seed: number): Dice => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const pick = <T>(from: readonly T[]): T => {
    const found = from[below(from.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
  return {
    below,
    pick,
    weigh: (from) => {
      let left = next() * from.reduce((sum, [weight]) => sum + weight, 0)
      for (const [weight, choice] of from) {
        left -= weight
        if (left < 0) return choice
      }
      return pick(from)[1]
    },
  }
}
