import type { Catalogue } from './catalogue.ts'
import { failed, json, type Route } from './http.ts'
import type { LedgerTrade } from './ledger.ts'

const NO_PERSON = { name: '', pseudonym: '', bio: '', icon: '' }

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

/** Both versions tell taker trades only, newest first, with seconds and JSON numbers. */
export const dataRoutes = (catalogue: Catalogue, trades: LedgerTrade[]): Route[] => {
  const describe = (trade: LedgerTrade) => {
    const market = catalogue.byKey({ marketId: trade.marketId })
    const outcomeIndex = market?.tokens.findIndex(({ token }) => token === trade.token) ?? 999
    return {
      size: Number(trade.size),
      price: Number(trade.price),
      timestamp: Math.floor(Number(trade.timestamp) / 1000),
      wallet: `0x${trade.transactionHash.slice(-40)}`,
      title: market?.question ?? '',
      slug: market?.slug ?? '',
      eventSlug: `event-${market?.eventId ?? ''}`,
      outcome: market?.tokens[outcomeIndex]?.outcome ?? '',
      outcomeIndex,
    }
  }
  const v1 = (trade: LedgerTrade): unknown => {
    const { size, price, timestamp, wallet, ...rest } = describe(trade)
    return {
      proxyWallet: wallet,
      side: trade.side,
      asset: trade.token,
      conditionId: trade.conditionId,
      size,
      price,
      timestamp,
      ...rest,
      ...NO_PERSON,
      profileImage: '',
      profileImageOptimized: '',
      transactionHash: trade.transactionHash,
    }
  }
  const v2 = (trade: LedgerTrade): unknown => {
    const { size, price, timestamp, wallet, title, slug, outcome, ...rest } = describe(trade)
    return {
      proxy_wallet: wallet,
      side: trade.side,
      token_id: trade.token,
      condition_id: trade.conditionId,
      size,
      price,
      timestamp,
      title,
      slug,
      event_slug: rest.eventSlug,
      outcome,
      outcome_index: rest.outcomeIndex,
      ...NO_PERSON,
      transaction_hash: trade.transactionHash,
    }
  }
  return [
    {
      method: 'GET',
      pattern: /^\/data\/trades$/,
      answer: ({ url: { searchParams } }) => {
        const offset = countOf(searchParams, 'offset', 0)
        const all = wanted(trades, listOf(searchParams, 'market'))
        return json(all.slice(offset, offset + countOf(searchParams, 'limit', 100)).map(v1))
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
        return json({ data: page.map(v2), pagination: { next_cursor: more ? String(rest) : '', has_more: more } })
      },
    },
  ]
}
