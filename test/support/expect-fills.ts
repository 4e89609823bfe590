import type pg from 'pg'
import { expect } from 'vitest'
import type { Ledger, LedgerTrade } from '../../src/emulator/ledger.ts'
import { until } from './system.ts'

type Told = { bySocket: LedgerTrade[]; byDataApi: LedgerTrade[] }

const keyOf = ({ transactionHash, token, side, price, size }: LedgerTrade): string =>
  [transactionHash, token, side.toLowerCase(), Number(price), Number(size)].join(' ')

const byKey = (trades: LedgerTrade[]): Map<string, Told> => {
  const told = new Map<string, Told>()
  for (const trade of trades) {
    const one = told.get(keyOf(trade)) ?? { bySocket: [], byDataApi: [] }
    told.set(keyOf(trade), one)
    if (trade.sentCount > 0) one.bySocket.push(trade)
    if (trade.missedBy !== 'data_api') one.byDataApi.push(trade)
  }
  return told
}

/**
 * The rows that the ledger demands, as text. Of equal fills, the nth that one source told of is the nth of the other: where
 * each missed another one of two, nothing in what they say tells that there were two.
 */
const wantedTexts = (ledger: Ledger): string[] =>
  [...byKey(ledger.trades)]
    .flatMap(([key, { bySocket, byDataApi }]) =>
      Array.from({ length: Math.max(bySocket.length, byDataApi.length) }, (_, ordinal) => {
        const confirmed = byDataApi[ordinal]
        if (confirmed === undefined) return `${key} ${ordinal} market_channel provisional -`
        const source = ordinal < bySocket.length ? 'both' : 'data_api'
        return `${key} ${ordinal} ${source} confirmed ${confirmed.wallet}`
      }),
    )
    .toSorted()

const ROWS = `
select concat_ws(' ', f.tx_hash, o.tokens, f.side, trim_scale(f.price), trim_scale(f.size), f.ordinal, f.source, f.status,
  coalesce(f.wallet, '-')) as text
from fills f join outcomes o using (outcome_id)`

const storedTexts = async (pool: pg.Pool): Promise<string[]> =>
  (await pool.query<{ text: string }>(ROWS)).rows.map(({ text }) => text).toSorted()

/** Longer than the Data API is late, and than a slow machine lags behind it. */
const WAIT_MS = 300_000

const without = (texts: string[], others: string[]): string[] => {
  const known = new Set(others)
  return texts.filter((text) => !known.has(text))
}

/**
 * Waits until all that the ledger tells of is there (the Data API may be late), then: `fills` are the ledger's, each row
 * once, by the sources that told of it, with the status and the wallet that follow. `isFeedKilled`: what the market channel told
 * just before may not have come so far; then the Data API alone told of it.
 */
export const expectFills = async (ledger: Ledger, pool: pg.Pool, { isFeedKilled = false } = {}): Promise<void> => {
  const comparable = (texts: string[]): string[] =>
    isFeedKilled ? texts.map((text) => text.replace(' data_api confirmed ', ' both confirmed ')).toSorted() : texts
  const wanted = comparable(wantedTexts(ledger))
  const difference = async () => {
    const stored = comparable(await storedTexts(pool))
    return { missing: without(wanted, stored), unwanted: without(stored, wanted), stored }
  }
  await until(
    'fills to be the ledger’s',
    async () => {
      const { missing, unwanted } = await difference()
      if (missing.length + unwanted.length === 0) return true
      throw new Error(
        JSON.stringify({ missing: missing.slice(0, 5), unwanted: unwanted.slice(0, 5), of: wanted.length }),
      )
    },
    WAIT_MS,
  )
  expect((await difference()).stored).toEqual(wanted)
}
