import type { Row } from './normalizer-rows.ts'

/** What a reader who has nothing but the rows says of the metrics, written plainly: every instant of a window is visited. */
export type TruthRow = Pick<Row, 'capturedTimeMs' | 'kind' | 'sequence' | 'side' | 'price' | 'size'>
/** In the order of their arrival. */
export type TruthFill = { capturedTimeMs: number; outcomeIndex: number; price: string; size: string }
/** By `<window> <metric_type>`; volatility is a float, all else an exact decimal. */
export type Truth = Map<string, string>

const WINDOWS = [
  { name: '00:01:00', ms: 60_000, stepMs: 10_000 },
  { name: '00:05:00', ms: 300_000, stepMs: 10_000 },
  { name: '01:00:00', ms: 3_600_000, stepMs: 60_000 },
  { name: '24:00:00', ms: 86_400_000, stepMs: 900_000 },
]

const micro = (decimal: string): bigint => {
  const [whole = '0', fraction = ''] = decimal.split('.')
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
}

/** numerator / denominator to 9 places, half away from zero. */
const ratio = (numerator: bigint, denominator: bigint): string => {
  const size = numerator < 0n ? -numerator : numerator
  const scaled = (size * 2_000_000_000n + denominator) / (2n * denominator)
  const digits = String(scaled).padStart(10, '0')
  const text = `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, '')
  return numerator < 0n && scaled > 0n ? `-${text}` : text
}

type Levels = { bid: Map<bigint, bigint>; ask: Map<bigint, bigint> }
/** `mid` is twice the mid; undefined: no mid. */
type Priced = { mid: bigint; spread: bigint; depths: bigint[] }
export type Instant = { timeMs: number; isKnown: boolean; priced: Priced | undefined; hasGap: boolean }

const near = (side: Map<bigint, bigint>, mid: bigint, cents: bigint): bigint => {
  let sum = 0n
  for (const [price, size] of side) {
    const distance = 2n * price > mid ? 2n * price - mid : mid - 2n * price
    if (distance <= 2n * cents * 10_000n) sum += size
  }
  return sum
}

const priceOf = ({ bid, ask }: Levels): Priced | undefined => {
  if (bid.size === 0 || ask.size === 0) return undefined
  const bestBid = [...bid.keys()].reduce((best, price) => (price > best ? price : best))
  const bestAsk = [...ask.keys()].reduce((best, price) => (price < best ? price : best))
  if (bestBid >= bestAsk) return undefined
  const mid = bestBid + bestAsk
  const depths = [near(bid, mid, 1n), near(bid, mid, 5n), near(ask, mid, 1n), near(ask, mid, 5n)]
  return { mid, spread: bestAsk - bestBid, depths }
}

/** The book of the first outcome at the end of each millisecond in which it has rows. */
export const instantsOf = (rows: TruthRow[]): Instant[] => {
  const instants: Instant[] = []
  let levels: Levels | undefined
  let snapshotSequence = -1
  rows.forEach((row, index) => {
    if (row.kind === 'gap') levels = undefined
    else if (row.kind === 'snapshot' && row.sequence !== snapshotSequence) levels = { bid: new Map(), ask: new Map() }
    if (row.kind === 'snapshot') snapshotSequence = row.sequence
    if (levels !== undefined && micro(row.size) === 0n) levels[row.side].delete(micro(row.price))
    else if (levels !== undefined) levels[row.side].set(micro(row.price), micro(row.size))
    if (rows[index + 1]?.capturedTimeMs === row.capturedTimeMs) return
    const hasGap = rows.some(({ kind, capturedTimeMs }) => kind === 'gap' && capturedTimeMs === row.capturedTimeMs)
    const priced = levels === undefined ? undefined : priceOf(levels)
    instants.push({ timeMs: row.capturedTimeMs, isKnown: levels !== undefined, priced, hasGap })
  })
  return instants
}

const bookTruth = (instants: Instant[], startMs: number, endMs: number): [type: string, value: string][] => {
  let [knownMs, pricedMs, spread, squares] = [0n, 0n, 0n, 0]
  const depths = [0n, 0n, 0n, 0n]
  const mids: bigint[] = []
  instants.forEach(({ timeMs, isKnown, priced, hasGap }, index) => {
    const before = instants[index - 1]?.priced
    if (timeMs >= startMs && timeMs < endMs && before !== undefined && priced !== undefined && !hasGap) {
      squares += Math.log(Number(priced.mid) / Number(before.mid)) ** 2
    }
    const untilMs = Math.min(instants[index + 1]?.timeMs ?? Infinity, endMs)
    const ms = BigInt(Math.max(untilMs - Math.max(timeMs, startMs), 0))
    if (!isKnown || ms === 0n) return
    knownMs += ms
    if (priced === undefined) return
    pricedMs += ms
    spread += priced.spread * ms
    priced.depths.forEach((depth, place) => (depths[place] = (depths[place] ?? 0n) + depth * ms))
    mids.push(priced.mid)
  })
  const lengthMs = BigInt(endMs - startMs)
  const coverage: [string, string][] = [
    ['coverage', ratio(knownMs, lengthMs)],
    ['mid_coverage', ratio(pricedMs, lengthMs)],
  ]
  const [bid1 = 0n, bid5 = 0n, ask1 = 0n, ask5 = 0n] = depths
  const [open] = mids
  const close = mids.at(-1)
  if (open === undefined || close === undefined) return coverage
  const mean = (sum: bigint): string => ratio(sum, pricedMs * 1_000_000n)
  const price = (mid: bigint): string => ratio(mid, 2_000_000n)
  const sorted = mids.toSorted((left, right) => Number(left - right))
  return [
    ...coverage,
    ['realized_volatility', String(Math.sqrt(squares))],
    ['spread', mean(spread)],
    ['bid_depth_1c', mean(bid1)],
    ['bid_depth_5c', mean(bid5)],
    ['ask_depth_1c', mean(ask1)],
    ['ask_depth_5c', mean(ask5)],
    ...(bid5 + ask5 === 0n ? [] : [['imbalance', ratio(bid5 - ask5, bid5 + ask5)] satisfies [string, string]]),
    ['mid_open', price(open)],
    ['mid_high', price(sorted.at(-1) ?? open)],
    ['mid_low', price(sorted[0] ?? open)],
    ['mid_close', price(close)],
  ]
}

const tradeTruth = (fills: TruthFill[], startMs: number, endMs: number): [type: string, value: string][] => {
  const trades = fills
    .filter(({ capturedTimeMs }) => capturedTimeMs >= startMs && capturedTimeMs < endMs)
    .toSorted((left, right) => left.capturedTimeMs - right.capturedTimeMs)
    .map(({ outcomeIndex, price, size }) => ({
      price: outcomeIndex === 0 ? micro(price) : 1_000_000n - micro(price),
      size: micro(size),
    }))
  const shares = trades.reduce((sum, { size }) => sum + size, 0n)
  const paid = trades.reduce((sum, { size, price }) => sum + size * price, 0n)
  const counts: [string, string][] = [
    ['trade_count', String(trades.length)],
    ['volume', ratio(shares, 1_000_000n)],
  ]
  const [open] = trades
  const close = trades.at(-1)
  if (open === undefined || close === undefined) return counts
  const prices = trades.map(({ price }) => price).toSorted((left, right) => Number(left - right))
  const text = (price: bigint): string => ratio(price, 1_000_000n)
  return [
    ...counts,
    ...(shares === 0n ? [] : [['vwap', ratio(paid, shares * 1_000_000n)] satisfies [string, string]]),
    ['trade_open', text(open.price)],
    ['trade_high', text(prices.at(-1) ?? 0n)],
    ['trade_low', text(prices[0] ?? 0n)],
    ['trade_close', text(close.price)],
  ]
}

/** Every metric of every window that is measured at a time. */
export const metricsTruth = (instants: Instant[], fills: TruthFill[], measuredTimeMs: number): Truth =>
  new Map(
    WINDOWS.flatMap(({ name, ms, stepMs }) => {
      const startMs = Math.floor((measuredTimeMs - ms) / stepMs) * stepMs
      const all = [...bookTruth(instants, startMs, measuredTimeMs), ...tradeTruth(fills, startMs, measuredTimeMs)]
      return all.map(([type, value]): [string, string] => [`${name} ${type}`, value])
    }),
  )

/** Floats may differ by the order of their sums, nothing else may differ at all. */
const isSame = (key: string, left: string | undefined, right: string | undefined): boolean => {
  if (left === right || left === undefined || right === undefined) return left === right
  if (!key.endsWith('realized_volatility')) return false
  return Math.abs(Number(left) - Number(right)) <= 1e-9 * Math.abs(Number(right))
}

/** Where two measurements differ, as `key: found, expected`. */
export const differences = (found: Truth, expected: Truth): string[] =>
  [...new Set([...found.keys(), ...expected.keys()])]
    .filter((key) => !isSame(key, found.get(key), expected.get(key)))
    .map((key) => `${key}: ${found.get(key)}, expected ${expected.get(key)}`)
