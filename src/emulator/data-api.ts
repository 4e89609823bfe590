import type { Catalogue } from './catalogue.ts'
import { failed, json, type Route } from './http.ts'
import type { LedgerTrade } from './ledger.ts'
import { tradeV1, tradeV2 } from './data-objects.ts'

const wanted = (trades: LedgerTrade[], ids: string[]): LedgerTrade[] => {
  const newestFirst = trades.toReversed()
  return ids.length === 0 ? newestFirst : newestFirst.filter((one) => ids.includes(one.conditionId))
}

const listOf = (query: URLSearchParams, name: string): string[] =>
  query
    .getAll(name)
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')

const countOf = (query: URLSearchParams, name: string, initial: number): number => {
  const value = Number(query.get(name) ?? initial)
  return Number.isInteger(value) && value >= 0 ? Math.min(value, 10_000) : initial
}

/** Both versions tell taker trades only, newest first. */
export const dataRoutes = (catalogue: Catalogue, trades: LedgerTrade[]): Route[] => [
  {
    method: 'GET',
    pattern: /^\/data\/trades$/,
    answer: ({ url: { searchParams } }) => {
      const offset = countOf(searchParams, 'offset', 0)
      const all = wanted(trades, listOf(searchParams, 'market'))
      const page = all.slice(offset, offset + countOf(searchParams, 'limit', 100))
      return json(page.map((trade) => tradeV1(catalogue, trade)))
    },
  },
  {
    method: 'GET',
    pattern: /^\/data\/v2\/trades$/,
    answer: ({ url: { searchParams } }) => {
      if (searchParams.has('offset')) return failed(400, 'offset is not supported, use cursor')
      // Counted from the oldest, so that later trades do not shift the pages.
      const all = wanted(trades, listOf(searchParams, 'condition_id'))
      const left = Math.min(countOf(searchParams, 'cursor', all.length), all.length)
      const page = all.slice(all.length - left).slice(0, countOf(searchParams, 'limit', 100))
      const rest = left - page.length
      const more = rest > 0 && page.length > 0
      const pagination = { next_cursor: more ? String(rest) : '', has_more: more }
      return json({ data: page.map((trade) => tradeV2(catalogue, trade)), pagination })
    },
  },
]
