/** Where in the venue's list of fills a page begins; newest first. v2 goes by cursor, v1 by counting. */
export type TradePlace = { type: 'v2'; cursor: string | undefined } | { type: 'v1'; offset: number }

/**
 * `elements`: raw texts, newest first. `next`: where the list goes on; pages of v1 overlap, since they shift while trades
 * come in, those of v2 do not. `isCut`: the list goes on, but the venue shows no more of it.
 */
export type TradePage = { elements: string[]; receivedTimeMs: number; next: TradePlace | undefined; isCut: boolean }

/** As a page of v1; `nextOffset` undefined at its end. */
export type OffsetPage = { elements: string[]; receivedTimeMs: number; nextOffset: number | undefined; isCut: boolean }

/** Without conditions: the fills of all markets. */
export type TradeQuery = { conditionIds: string[]; limit: number; place: TradePlace }

/** Newest first. */
type ActivityQuery = { wallet: string; limit: number; offset: number }

/** An element before it is parsed: what tells it from others, and which market and time it is of. */
export type ElementIdentity = { key: string; conditionId: string | undefined; exchangeTimeMs: number | undefined }

export type DataApi = {
  /** Where a list begins: v2, unless that was away or refused within the last minute. */
  begin(): TradePlace
  /** @throws DataApiError after the last attempt. */
  trades(query: TradeQuery, signal: AbortSignal): Promise<TradePage>
  /** Splits, merges, redemptions and conversions of a wallet. @throws DataApiError after the last attempt. */
  activity(query: ActivityQuery, signal: AbortSignal): Promise<OffsetPage>
}
