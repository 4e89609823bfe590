import { emptyCounts, type Connection, type Counts, type ReceivedFrame } from './connection.ts'
import type { Catalogue } from './catalogue.ts'
import type { VenueToken } from './market.ts'

export type LedgerTrade = {
  transactionHash: string
  marketId: string
  conditionId: string
  token: string
  side: 'BUY' | 'SELL'
  price: string
  size: string
  timestamp: string
  /** The taker's. */
  wallet: string
  /** Connections it was sent to; 0 when nobody was subscribed to the taker's token, or the socket missed it. */
  sentCount: number
  /** The source that never tells of it. */
  missedBy: 'socket' | 'data_api' | undefined
}

/** What a wallet did to its holdings other than by a trade. Amounts are decimal texts. */
export type LedgerActivity = {
  transactionHash: string
  marketId: string
  conditionId: string
  type: 'SPLIT' | 'MERGE' | 'REDEEM' | 'CONVERSION'
  wallet: string
  /** Shares that were split or merged; of a redemption what it paid. */
  size: string
  usdcSize: string
  /** 999: all outcomes. */
  outcomeIndex: number
  timestamp: string
}

/** A fault that took effect. `text` is the frame that was lost, doubled or moved. */
export type LedgerFault = {
  type: string
  timeMs: number
  connection: number | undefined
  tokens: string[]
  text: string
}

type LedgerToken = {
  marketId: string
  conditionId: string
  token: string
  /** The venue's book now: `[price, size]` texts, best first. */
  bids: [string, string][]
  asks: [string, string][]
  hash: string
  timestamp: string
  lastTradePrice: string
  tickSize: string
  /** Sum over all connections of what was really sent. */
  sent: Counts
  /** Rows of `order_books` after an undisturbed run: snapshot rows + changed elements + difference rows. */
  expectedRows: number
  byConnection: Record<string, Counts>
  /** Books answered by REST, and their levels (an empty book counts as one row). */
  restBooks: number
  restRows: number
}

type LedgerConnection = {
  id: number
  openedTimeMs: number
  closedTimeMs: number | undefined
  closeReason: string
  framesSent: number
  bytesSent: number
  tokenCount: number
  /** Tokens it is subscribed to now. */
  subscribed: string[]
  received: ReceivedFrame[]
}

export type Ledger = {
  framesSent: number
  slowConsumersClosed: number
  tokens: LedgerToken[]
  /** In the venue's order. */
  trades: LedgerTrade[]
  activities: LedgerActivity[]
  faults: LedgerFault[]
  connections: LedgerConnection[]
}

export type RestCounts = Map<string, { books: number; rows: number }>

/** What the ledger is read from; grows while the emulator lives. */
export type LedgerSource = {
  catalogue: Catalogue
  /** Open and closed ones. */
  connections: Connection[]
  trades: LedgerTrade[]
  activities: LedgerActivity[]
  faults: LedgerFault[]
  rest: RestCounts
}

const addCounts = (sum: Counts, counts: Counts): void => {
  sum.snapshots += counts.snapshots
  sum.snapshotRows += counts.snapshotRows
  sum.changed += counts.changed
  sum.unchanged += counts.unchanged
  sum.books += counts.books
  sum.differenceRows += counts.differenceRows
  sum.trades += counts.trades
}

const tokenEntry = (token: VenueToken, source: LedgerSource): LedgerToken => {
  const sent = emptyCounts()
  const byConnection: Record<string, Counts> = {}
  for (const connection of source.connections) {
    const counts = connection.subscriptions.get(token.token)?.counts
    if (counts === undefined) continue
    addCounts(sent, counts)
    byConnection[String(connection.id)] = { ...counts }
  }
  const { bids, asks } = token.book.top(0)
  const rest = source.rest.get(token.token)
  return {
    marketId: token.market.marketId,
    conditionId: token.market.conditionId,
    token: token.token,
    bids: bids.map((level) => [level.priceText, level.sizeText]),
    asks: asks.map((level) => [level.priceText, level.sizeText]),
    hash: token.hash,
    timestamp: token.timestamp,
    lastTradePrice: token.market.lastTradePrice,
    tickSize: token.market.tickSize,
    sent,
    expectedRows: sent.snapshotRows + sent.changed + sent.differenceRows,
    byConnection,
    restBooks: rest?.books ?? 0,
    restRows: rest?.rows ?? 0,
  }
}

const subscribedOn = ({ subscriptions }: Connection): string[] =>
  [...subscriptions].flatMap(([token, { isActive }]) => (isActive ? [token] : []))

const connectionEntry = (connection: Connection): LedgerConnection => ({
  id: connection.id,
  openedTimeMs: connection.openedTimeMs,
  closedTimeMs: connection.closedTimeMs,
  closeReason: connection.closeReason,
  framesSent: connection.framesSent,
  bytesSent: connection.bytesSent,
  tokenCount: subscribedOn(connection).length,
  subscribed: subscribedOn(connection),
  received: connection.received,
})

/** A copy; with `token` only that token's entry, its trades, and the activities in its market. */
export const readLedger = (source: LedgerSource, token?: string): Ledger => {
  const all = source.catalogue.markets.flatMap((market) => market.tokens)
  const tokens = token === undefined ? all : all.filter((one) => one.token === token)
  const connections = source.connections.map(connectionEntry)
  const marketIds = new Set(tokens.map(({ market }) => market.marketId))
  return {
    framesSent: connections.reduce((sum, one) => sum + one.framesSent, 0),
    slowConsumersClosed: connections.filter((one) => one.closeReason === 'slow_consumer').length,
    tokens: tokens.map((one) => tokenEntry(one, source)),
    trades: source.trades.filter((one) => token === undefined || one.token === token),
    activities: source.activities.filter(({ marketId }) => token === undefined || marketIds.has(marketId)),
    faults: source.faults.filter((one) => token === undefined || one.tokens.includes(token)),
    connections,
  }
}
