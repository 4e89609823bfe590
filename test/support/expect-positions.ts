import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import { expect } from 'vitest'

/** What a venue's ledger knows of trades; `timestamp` is epoch ms as text. `missedBy` data_api: no wallet is ever told. */
export type TradeTruth = {
  wallet: string
  token: string
  side: 'BUY' | 'SELL'
  price: string
  size: string
  timestamp: string
  missedBy?: string | undefined
}
export type ActivityTruth = {
  wallet: string
  type: string
  marketId: string
  size: string
  usdcSize: string
  outcomeIndex: number
  timestamp: string
}
/** A ledger's own lists will do. Without tracked wallets nobody asks for activities: then there are none to be given. */
export type PositionsTruth = {
  trades: TradeTruth[]
  activities: ActivityTruth[]
  /** Wallets that have positions; all where it is left out. */
  tracked?: string[]
}

const SHARE = 1_000_000n

const millionths = (text: string): bigint => {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole) * SHARE + BigInt(fraction.padEnd(6, '0'))
}

/** Positive `shares` came in, negative went out. */
type Change = { second: number; shares: bigint; dollars: bigint }

/** The books of one wallet in one outcome, kept as a bookkeeper would: in order, one line after the other. */
const keepBooks = (changes: Change[]) => {
  const order = (one: Change) => [BigInt(one.second), one.shares > 0n ? 0n : 1n, one.shares > 0n ? one.shares : -one.shares, one.dollars] // prettier-ignore
  const sorted = changes.toSorted((left, right) => {
    const [a, b] = [order(left), order(right)]
    const at = a.findIndex((value, index) => value !== b[index])
    return at < 0 ? 0 : (a[at] ?? 0n) < (b[at] ?? 0n) ? -1 : 1
  })
  const books = { held: 0n, cost: 0n, pnl: 0n, unseen: 0n, unseenProceeds: 0n }
  for (const { shares, dollars } of sorted) {
    if (shares > 0n) {
      books.held += shares
      books.cost += dollars
      continue
    }
    const wanted = -shares
    const had = wanted > books.held ? books.held : wanted
    const spent = had === books.held ? books.cost : (books.cost * had) / books.held
    const got = had === wanted ? dollars : (dollars * had) / wanted
    books.held -= had
    books.cost -= spent
    books.pnl += got - spent
    books.unseen += wanted - had
    books.unseenProceeds += dollars - got
  }
  return books
}

type Place = { outcomeId: string; token: string; marketId: string; payout: bigint | undefined }

const readPlaces = async (pool: Pool): Promise<Place[]> => {
  type Row = { outcome_id: string; tokens: string; market_id: string; payout: string | null }
  const { rows } = await pool.query<Row>('select outcome_id, tokens, market_id, payout from outcomes')
  return rows.map((row) => ({
    outcomeId: row.outcome_id,
    token: row.tokens,
    marketId: row.market_id,
    payout: row.payout === null ? undefined : millionths(row.payout),
  }))
}

const changesOf = ({ trades, activities, tracked }: PositionsTruth, places: Place[]): Map<string, Change[]> => {
  const changes = new Map<string, Change[]>()
  const add = (wallet: string, outcomeId: string | undefined, change: Change): void => {
    if (outcomeId === undefined || (tracked !== undefined && !tracked.includes(wallet))) return
    const key = `${wallet} ${outcomeId}`
    changes.set(key, [...(changes.get(key) ?? []), change])
  }
  const secondOf = (timestamp: string): number => Math.floor(Number(timestamp) / 1_000)
  const byToken = new Map(places.map((place) => [place.token, place.outcomeId]))
  for (const { wallet, token, side, price, size, timestamp, missedBy } of trades) {
    const shares = millionths(size)
    const change = { second: secondOf(timestamp), shares: side === 'BUY' ? shares : -shares, dollars: millionths(price) * shares } // prettier-ignore
    if (missedBy !== 'data_api') add(wallet, byToken.get(token), change)
  }
  for (const { wallet, type, marketId, size, usdcSize, timestamp } of activities) {
    const concerned = places.filter((place) => place.marketId === marketId)
    // The resolution pays a redemption; a conversion does not say which shares it was.
    if (type === 'REDEEM' || type === 'CONVERSION') continue
    const shares = type === 'SPLIT' ? millionths(size) : -millionths(size)
    const dollars = (millionths(usdcSize) * SHARE) / BigInt(Math.max(concerned.length, 1))
    for (const { outcomeId } of concerned) add(wallet, outcomeId, { second: secondOf(timestamp), shares, dollars })
  }
  return changes
}

const FIGURES = `
select user_id || ' ' || outcome_id as key, trunc(held * 1e6)::text || ' held, ' || trunc(cost * 1e12)::text || ' cost, '
  || trunc(trading_pnl * 1e12)::text || ' earned, ' || trunc(unseen_qty * 1e6)::text || ' unseen for '
  || trunc(unseen_proceeds * 1e12)::text || ', ' || moves || ' moves' as books,
  trunc(qty * 1e6)::text as qty, avg_price::text, pnl::text from positions`

/** Half a millionth away from zero, as Postgres rounds. */
const rounded = (value: bigint): string => {
  const size = value < 0n ? -value : value
  const units = (size + SHARE / 2n) / SHARE
  const text = `${units / SHARE}.${String(units % SHARE).padStart(6, '0')}`
  return value < 0n && units > 0n ? `-${text}` : text
}

/** Differences between `positions` and what the ledger's own books say, as lines to read; empty: none. */
export const wrongPositions = async (pool: Pool, truth: PositionsTruth): Promise<string[]> => {
  const places = await readPlaces(pool)
  const payouts = new Map(places.map((place) => [place.outcomeId, place.payout]))
  type Row = { key: string; books: string; qty: string; avg_price: string | null; pnl: string }
  const stored = new Map((await pool.query<Row>(FIGURES)).rows.map((row) => [row.key, row]))
  const wrong: string[] = []
  const changes = changesOf(truth, places)
  for (const [key, some] of changes) {
    const books = keepBooks(some)
    const payout = payouts.get(key.split(' ')[1] ?? '')
    const isOpen = payout === undefined
    const expected = {
      key,
      books: `${books.held} held, ${books.cost} cost, ${books.pnl} earned, ${books.unseen} unseen for ${books.unseenProceeds}, ${some.length} moves`,
      qty: String(isOpen ? books.held : 0n),
      avg_price: isOpen && books.held > 0n ? rounded((books.cost * SHARE) / books.held) : null,
      pnl: rounded(isOpen ? books.pnl : books.pnl + books.held * payout - books.cost),
    }
    const [was, is] = [JSON.stringify(expected), JSON.stringify(stored.get(key) ?? 'no row')]
    if (was !== is) wrong.push(`expected ${was}, found ${is}`)
  }
  for (const key of stored.keys()) if (!changes.has(key)) wrong.push(`expected no position ${key}`)
  return wrong
}

const DEADLINE_MS = 90_000

/** Waits until the positions are those of the ledger, and says what is wrong where they never are. */
export const expectPositions = async (pool: Pool, truth: PositionsTruth): Promise<void> => {
  const deadlineMs = Date.now() + DEADLINE_MS
  while ((await wrongPositions(pool, truth)).length > 0 && Date.now() < deadlineMs) await sleep(200)
  expect(await wrongPositions(pool, truth)).toEqual([])
}
