import type { Catalogue } from './catalogue.ts'
import type { LedgerActivity, LedgerTrade } from './ledger.ts'
import { tradeV1 } from './data-objects.ts'

const NOBODY = { name: '', pseudonym: '', bio: '', icon: '', profileImage: '', profileImageOptimized: '' }

/** An element of `/activity`: one that is no trade names no token, and 999 for the outcome where it is all of them. */
export const activityV1 = (catalogue: Catalogue, activity: LedgerActivity) => {
  const market = catalogue.byKey({ marketId: activity.marketId })
  return {
    proxyWallet: activity.wallet,
    timestamp: Math.floor(Number(activity.timestamp) / 1000),
    conditionId: activity.conditionId,
    type: activity.type,
    size: Number(activity.size),
    usdcSize: Number(activity.usdcSize),
    transactionHash: activity.transactionHash,
    price: 0,
    asset: '',
    side: '',
    outcomeIndex: activity.outcomeIndex,
    title: market?.question ?? '',
    slug: market?.slug ?? '',
    eventSlug: `event-${market?.eventId ?? ''}`,
    outcome: '',
    ...NOBODY,
  }
}

export const tradeActivityV1 = (catalogue: Catalogue, trade: LedgerTrade) => {
  const told = tradeV1(catalogue, trade)
  return { ...told, type: 'TRADE', usdcSize: Math.round(told.size * told.price * 1e6) / 1e6 }
}
