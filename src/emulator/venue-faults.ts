import { newMarketText, resolvedText } from './broadcast-texts.ts'
import type { Catalogue } from './catalogue.ts'
import type { WithheldSnapshots } from './channel.ts'
import type { Connection } from './connection.ts'
import type { Faults } from './control.ts'
import type { LedgerFault } from './ledger.ts'
import type { VenueMarket } from './market.ts'
import type { Outbox } from './outbox.ts'
import { staleBooks, type RestFaults } from './rest-faults.ts'

export type VenueFaultsOptions = {
  catalogue: Catalogue
  outbox: Outbox
  /** Open ones. */
  connections: Set<Connection>
  faults: LedgerFault[]
  withheld: WithheldSnapshots[]
  restFaults: RestFaults
  now: () => number
  changeTickSize: (market: VenueMarket, tickSize: string) => void
  changed: () => void
}

export const createVenueFaults = (options: VenueFaultsOptions): Faults => {
  const { catalogue, connections, outbox, now } = options
  const note = (type: string, connection: Connection | undefined, tokens: string[], text: string): void => {
    options.faults.push({ type, timeMs: now(), connection: connection?.id, tokens, text })
  }
  const chosen = (id: number | undefined): Connection[] =>
    [...connections].filter((connection) => id === undefined || connection.id === id)
  const hearers = (token: string): Connection[] => chosen(undefined).filter((one) => one.isSubscribedTo(token))
  const broadcast = (text: string): number => {
    const reached = chosen(undefined).filter((connection) => connection.isCustom)
    for (const connection of reached) outbox.send(connection, text, [])
    return reached.length
  }
  return {
    send: (text) => {
      const reached = chosen(undefined)
      for (const connection of reached) {
        outbox.send(connection, text, [])
        note('send', connection, [], text)
      }
      return reached.length
    },
    close: ({ connection: id, abrupt }) => {
      const closed = chosen(id)
      for (const connection of closed) {
        note('close', connection, [...connection.subscriptions.keys()], '')
        connection.close('closed_by_control', abrupt)
      }
      return closed.length
    },
    mute: (token, isMuted) => {
      const muted = hearers(token)
      for (const connection of muted) {
        const subscription = connection.subscriptions.get(token)
        if (subscription !== undefined) subscription.isMuted = isMuted
        note(isMuted ? 'mute' : 'unmute', connection, [token], '')
      }
      return muted.length
    },
    disturb: ({ type, token, count, connection: id }) => {
      const disturbed = hearers(token).filter((connection) => id === undefined || connection.id === id)
      for (const { faults } of disturbed) faults.byToken.set(token, { type, count, held: undefined })
      return disturbed.length
    },
    withholdSnapshots: ({ tokens, count }) => {
      options.withheld.push({ tokens: new Set(tokens), count })
      return tokens.length
    },
    failRest: (fault) => {
      note('rest', undefined, [], 'status' in fault ? String(fault.status) : 'stale')
      const tokens = catalogue.markets.flatMap((market) => market.tokens)
      if ('status' in fault) options.restFaults.set({ type: 'status', ...fault })
      else options.restFaults.set({ type: 'stale', count: fault.count, books: staleBooks(tokens) })
      return fault.count
    },
    changeTickSize: (token, tickSize) => {
      const market = catalogue.token(token)?.market
      if (market === undefined) return 0
      options.changeTickSize(market, tickSize)
      return 1
    },
    addMarket: () => {
      const market = catalogue.grow(now())
      broadcast(newMarketText(market, String(now())))
      return market.marketId
    },
    resolve: (marketId, winner) => {
      const market = catalogue.byKey({ marketId })
      if (market === undefined || market.closed) return 0
      market.closed = true
      market.winner = winner
      market.endTimeMs = now()
      options.changed()
      broadcast(resolvedText(market, winner, String(now())))
      return 1
    },
  }
}
