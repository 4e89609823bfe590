/** Books as maps from price text to size text: the tests' own, so that they share nothing with the product. */
export type Side = 'bid' | 'ask'
export type Levels = Record<Side, Map<string, string>>
/** A level's new absolute size; `'0'` removes it. */
export type LevelRow = { side: Side; price: string; size: string }

/** `0.460000` and `0.46` are the same. */
export const canonical = (decimal: string): string => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal)

export const emptyLevels = (): Levels => ({ bid: new Map(), ask: new Map() })
export const copyLevels = ({ bid, ask }: Levels): Levels => ({ bid: new Map(bid), ask: new Map(ask) })

/** True when the level's value changed. */
export const setLevel = (levels: Levels, { side, price, size }: LevelRow): boolean => {
  const before = levels[side].get(price)
  if (before === (size === '0' ? undefined : size)) return false
  if (size === '0') levels[side].delete(price)
  else levels[side].set(price, size)
  return true
}

const sameSide = (left: Map<string, string>, right: Map<string, string>): boolean => {
  if (left.size !== right.size) return false
  for (const [price, size] of left) if (right.get(price) !== size) return false
  return true
}

export const sameLevels = (left: Levels, right: Levels): boolean =>
  sameSide(left.bid, right.bid) && sameSide(left.ask, right.ask)

/** The changes that turn one book into another. */
export const differenceOf = (from: Levels, to: Levels): LevelRow[] =>
  (['bid', 'ask'] as const).flatMap((side) => {
    const removed = [...from[side].keys()].filter((price) => !to[side].has(price))
    const changed = [...to[side]].filter(([price, size]) => from[side].get(price) !== size)
    return [
      ...removed.map((price): LevelRow => ({ side, price, size: '0' })),
      ...changed.map(([price, size]): LevelRow => ({ side, price, size })),
    ]
  })

/** Best prices as the venue tells them: an empty side is 0 or 1. */
export const bestOf = ({ bid, ask }: Levels): { bid: string; ask: string } => {
  let [high, low] = ['0', '1']
  for (const price of bid.keys()) if (Number(price) > Number(high)) high = price
  for (const price of ask.keys()) if (Number(price) < Number(low)) low = price
  return { bid: high, ask: low }
}
