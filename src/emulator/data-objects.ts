import type { Catalogue } from './catalogue.ts'
import type { LedgerTrade } from './ledger.ts'

/** Objects of the Data API: seconds and JSON numbers. Nobody stands behind a trade here, so names are empty. */
const NO_PERSON = { name: '', pseudonym: '', bio: '', icon: '' }

const describe = (catalogue: Catalogue, trade: LedgerTrade) => {
  const market = catalogue.byKey({ marketId: trade.marketId })
  const outcomeIndex = market?.tokens.findIndex(({ token }) => token === trade.token) ?? 999
  return {
    numbers: {
      size: Number(trade.size),
      price: Number(trade.price),
      timestamp: Math.floor(Number(trade.timestamp) / 1000),
    },
    wallet: trade.wallet,
    heading: { title: market?.question ?? '', slug: market?.slug ?? '' },
    eventSlug: `event-${market?.eventId ?? ''}`,
    outcome: market?.tokens[outcomeIndex]?.outcome ?? '',
    outcomeIndex,
  }
}

export const tradeV1 = (catalogue: Catalogue, trade: LedgerTrade) => {
  const { numbers, wallet, heading, ...rest } = describe(catalogue, trade)
  return {
    proxyWallet: wallet,
    side: trade.side,
    asset: trade.token,
    conditionId: trade.conditionId,
    ...numbers,
    ...heading,
    ...rest,
    ...NO_PERSON,
    profileImage: '',
    profileImageOptimized: '',
    transactionHash: trade.transactionHash,
  }
}

export const tradeV2 = (catalogue: Catalogue, trade: LedgerTrade): unknown => {
  const { numbers, wallet, heading, eventSlug, outcome, outcomeIndex } = describe(catalogue, trade)
  return {
    proxy_wallet: wallet,
    side: trade.side,
    token_id: trade.token,
    condition_id: trade.conditionId,
    ...numbers,
    ...heading,
    event_slug: eventSlug,
    outcome,
    outcome_index: outcomeIndex,
    ...NO_PERSON,
    transaction_hash: trade.transactionHash,
  }
}
