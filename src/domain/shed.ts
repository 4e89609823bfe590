/**
 * What is given up so that the costs stay within a budget. 0: nothing. 1: levels beyond the best few. 2: all rows and ladders
 * of books; the books are followed, and their quotes kept. 3: the books themselves; trades stay.
 */
export const SHED_TIERS = [0, 1, 2, 3] as const
export type ShedTier = (typeof SHED_TIERS)[number]

/** The switch over every market. `levels`: how many a side are kept from tier 1 on. `generation` rises with every turn. */
export type Shed = { tier: ShedTier; levels: number; generation: number }

export const NOTHING_SHED: Shed = { tier: 0, levels: 0, generation: 0 }

/** In words, for gaps, logs and alerts. */
export const SHED_TEXTS: Readonly<Record<ShedTier, string>> = {
  0: 'nothing is shed',
  1: 'the best levels alone are kept',
  2: 'quotes and trades alone are kept',
  3: 'trades alone are kept',
}

export const isShedTier = (value: unknown): value is ShedTier => SHED_TIERS.some((tier) => tier === value)

/** From here on events of a book have neither rows nor ladders. */
export const ROWLESS_TIER = 2
export const writesRows = (tier: ShedTier): boolean => tier < ROWLESS_TIER

/** Frames of books come at all. */
export const followsBooks = (tier: ShedTier): boolean => tier < 3

/** Levels a side that are kept of a market that wants `depth` of them; 0 = all. */
export const keptDepth = (depth: number, { tier, levels }: Shed): number => {
  if (tier === 0) return depth
  return depth === 0 ? levels : Math.min(depth, levels)
}

/** Reads the copy in Redis; undefined (unknown) where there is none, or none that is ours. */
export const toShed = (text: string | null): Shed | undefined => {
  const numbers = /^(\d) (\d{1,9}) (\d{1,15})$/
    .exec(text ?? '')
    ?.slice(1)
    .map(Number)
  const [tier, levels = 0, generation = 0] = numbers ?? []
  return isShedTier(tier) ? { tier, levels, generation } : undefined
}

export const shedText = ({ tier, levels, generation }: Shed): string => `${tier} ${levels} ${generation}`
