import { newMarketText, resolvedText } from './broadcast-texts.ts'
import type { Catalogue } from './catalogue.ts'
import type { WithheldSnapshots } from './dumps.ts'
import type { Connection } from './connection.ts'
import type { Faults } from './control.ts'
import type { ListFaults } from './gamma.ts'
import type { LedgerFault } from './ledger.ts'
import type { VenueMarket } from './market.ts'
import type { Outbox } from './outbox.ts'
import type { Outage } from './outage.ts'
import { staleBooks, type RestFaults } from './rest-faults.ts'

export type VenueFaultsOptions = {
  catalogue: Catalogue
  outbox: Outbox
  /** Open ones. */
  connections: Set<Connection>
  faults: LedgerFault[]
  withheld: WithheldSnapshots[]
  restFaults: RestFaults
  lists: ListFaults
  outage: Outage
  now: () => number
  changeTickSize: (market: VenueMarket, tickSize: string) => void
  changed: () => void
  /** A market was resolved with payouts. */
  resolved: (market: VenueMarket) => void
}

type Reach = {
  /** One open connection, or all. */
  chosen(id: number | undefined): Connection[]
  hearers(token: string): Connection[]
  note(type: string, connection: Connection | undefined, tokens: string[], text: string): void
}

const createReach = ({ connections, faults, now }: VenueFaultsOptions): Reach => ({
  chosen: (id) => [...connections].filter((connection) => id === undefined || connection.id === id),
  hearers: (token) => [...connections].filter((connection) => connection.isSubscribedTo(token)),
  note: (type, connection, tokens, text) => {
    faults.push({ type, timeMs: now(), connection: connection?.id, tokens, text })
  },
})

type SocketFaults = Pick<Faults, 'send' | 'close' | 'mute' | 'disturb'>

const socketFaults = (reach: Reach, outbox: Outbox): SocketFaults => ({
  send: (text) => {
    const reached = reach.chosen(undefined)
    for (const connection of reached) {
      outbox.send(connection, text, [])
      reach.note('send', connection, [], text)
    }
    return reached.length
  },
  close: ({ connection: id, abrupt }) => {
    const closed = reach.chosen(id)
    for (const connection of closed) {
      reach.note('close', connection, [...connection.subscriptions.keys()], '')
      connection.close('closed_by_control', abrupt)
    }
    return closed.length
  },
  mute: (token, isMuted) => {
    const reached = reach.hearers(token)
    for (const connection of reached) {
      const subscription = connection.subscriptions.get(token)
      if (subscription !== undefined) subscription.isMuted = isMuted
      reach.note(isMuted ? 'mute' : 'unmute', connection, [token], '')
    }
    return reached.length
  },
  disturb: ({ type, token, count, connection: id }) => {
    const disturbed = reach.hearers(token).filter((connection) => id === undefined || connection.id === id)
    return disturbed.filter(({ faults }) => faults.set(token, { type, count })).length
  },
})

type MarketFaults = Pick<Faults, 'changeTickSize' | 'addMarket' | 'closeMarket' | 'resolve'>

const marketFaults = (reach: Reach, options: VenueFaultsOptions): MarketFaults => {
  const { catalogue, now } = options
  const broadcast = (text: string): void => {
    for (const connection of reach.chosen(undefined)) {
      if (connection.isCustom) options.outbox.send(connection, text, [])
    }
  }
  const close = (market: VenueMarket): void => {
    market.closed = true
    market.endTimeMs = now()
    options.changed()
  }
  return {
    changeTickSize: (token, tickSize) => {
      const market = catalogue.token(token)?.market
      if (market === undefined) return 0
      const tokens = market.tokens.map((one) => one.token)
      reach.note('tick_size', undefined, tokens, tickSize)
      options.changeTickSize(market, tickSize)
      return 1
    },
    addMarket: (hydrationMs) => {
      const market = catalogue.grow(now())
      market.bookFromTimeMs = now() + hydrationMs
      broadcast(newMarketText(market, String(now())))
      return market.marketId
    },
    closeMarket: (marketId) => {
      const market = catalogue.byKey({ marketId })
      if (market === undefined || market.closed) return 0
      close(market)
      market.listed = 'closed'
      return 1
    },
    resolve: ({ marketId, winner, payouts, told, listed }) => {
      const market = catalogue.byKey({ marketId })
      if (market === undefined || market.listed === 'resolved') return 0
      if (!market.closed) close(market)
      market.payouts = payouts ?? market.payouts ?? market.tokens.map((_, at) => (at === winner ? '1' : '0'))
      options.resolved(market)
      if (listed) market.listed = 'resolved'
      if (told) broadcast(resolvedText(market, winner, String(now())))
      return 1
    },
  }
}

export const createVenueFaults = (options: VenueFaultsOptions): Faults => {
  const reach = createReach(options)
  return {
    ...socketFaults(reach, options.outbox),
    ...marketFaults(reach, options),
    withholdSnapshots: ({ tokens, count }) => {
      options.withheld.push({ tokens: new Set(tokens), count })
      return tokens.length
    },
    failRest: (fault) => {
      reach.note('rest', undefined, fault.tokens ?? [], 'status' in fault ? String(fault.status) : 'stale')
      const { count } = fault
      const tokens = new Set(fault.tokens ?? [])
      const all = options.catalogue.markets.flatMap((market) => market.tokens)
      const concerned = tokens.size === 0 ? all : all.filter(({ token }) => tokens.has(token))
      if ('status' in fault) options.restFaults.add({ type: 'status', tokens, count, status: fault.status })
      else options.restFaults.add({ type: 'stale', tokens, count, books: staleBooks(concerned) })
      return count
    },
    cutLists: (count) => {
      options.lists.cutCount = count
      return count
    },
    restart: (durationMs) => {
      options.outage.begin(durationMs)
      const closed = reach.chosen(undefined)
      for (const connection of closed) {
        reach.note('restart', connection, [...connection.subscriptions.keys()], '')
        connection.close('venue_restart', false)
      }
      return closed.length
    },
  }
}
