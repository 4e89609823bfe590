import type { Random } from './as-of-history.ts'
import type { PmxtSeen } from './pmxt-file.ts'

type Level = [side: 'bid' | 'ask', price: string, size: string]

/** What another recorder saw of one outcome, and, rebuilt from that alone, its book at an instant. */
export type OtherHistory = {
  seen: PmxtSeen[]
  /** Undefined before its first book. Six places, bids best first, then asks best first. */
  bookAt(atMs: number): Level[] | undefined
}

const SIZES = ['1', '12.5', '300', '0.01', '918.34', '1000000']

const levelOf = (random: Random): { side: 'bid' | 'ask'; price: string; size: string } => {
  const side = random(2) === 0 ? 'bid' : 'ask'
  const cents = side === 'bid' ? 1 + random(49) : 50 + random(50)
  return { side, price: String(cents / 100), size: SIZES[random(SIZES.length)] ?? '1' }
}

const six = (decimal: string): string => Number(decimal).toFixed(6)

const sorted = (levels: Level[]): Level[] =>
  levels.toSorted(([side, price], [otherSide, otherPrice]) => {
    if (side !== otherSide) return side === 'bid' ? -1 : 1
    return (Number(price) - Number(otherPrice)) * (side === 'bid' ? -1 : 1)
  })

const bookAfter = (rows: PmxtSeen[]): Level[] | undefined => {
  const first = rows.findIndex(({ type }) => type === 'book')
  if (first === -1) return undefined
  const book = new Map<string, Level>()
  const set = (side: 'bid' | 'ask', price: string, size: string): void => {
    if (Number(size) === 0) book.delete(`${side} ${six(price)}`)
    else book.set(`${side} ${six(price)}`, [side, six(price), six(size)])
  }
  for (const row of rows.slice(first)) {
    if (row.type === 'change') {
      set(row.side === 'BUY' ? 'bid' : 'ask', row.price, row.size)
      continue
    }
    book.clear()
    for (const [price, size] of row.bids) set('bid', price, size)
    for (const [price, size] of row.asks) set('ask', price, size)
  }
  return sorted([...book.values()])
}

type Market = { conditionId: string; token: string }

/** A random hour of another recorder: changes before its first book, later books, levels that go and come, pauses. */
export const createOther = (market: Market, random: Random, fromTimeMs: number, untilTimeMs: number): OtherHistory => {
  const seen: PmxtSeen[] = []
  const silentUntil = random(5)
  let receivedTimeMs = fromTimeMs
  for (let count = 0; ; count++) {
    receivedTimeMs += random(4) === 0 ? 0 : random(20_000)
    if (receivedTimeMs >= untilTimeMs) break
    const shared = { ...market, receivedTimeMs, venueTimeMs: receivedTimeMs - 5 }
    if (count === silentUntil || (count > silentUntil && random(20) === 0)) {
      const levels = Array.from({ length: random(8) === 0 ? 0 : 1 + random(20) }, () => levelOf(random))
      const side = (wanted: 'bid' | 'ask'): [string, string][] => [
        ...new Map(levels.flatMap((one) => (one.side === wanted ? [[one.price, one.size]] : []))),
      ]
      seen.push({ ...shared, type: 'book', bids: side('bid'), asks: side('ask') })
    } else {
      const { side, price, size } = levelOf(random)
      seen.push({
        ...shared,
        type: 'change',
        side: side === 'bid' ? 'BUY' : 'SELL',
        price,
        size: random(3) === 0 ? '0' : size,
      })
    }
  }
  return { seen, bookAt: (atMs) => bookAfter(seen.filter((row) => row.receivedTimeMs <= atMs)) }
}
