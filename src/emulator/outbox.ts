import type { Connection } from './connection.ts'
import type { VenueFrame } from './frame.ts'
import { VENUE_TAPE, type FrameLog } from './frame-log.ts'
import type { LedgerFault } from './ledger.ts'
import { priceChangeText } from './texts.ts'

export type Outbox = {
  /** Sends to all connections that are subscribed to one of its tokens. Returns how many frames went out. */
  deliver(frame: VenueFrame): number
  /** One text on one connection, outside any subscription: dumps, garbage, broadcasts. False when it is closing. */
  send(connection: Connection, text: string, tokens: string[]): boolean
}

export type OutboxOptions = { now: () => number; log: FrameLog | undefined; faults: LedgerFault[] }

const count = (connection: Connection, frame: VenueFrame): void => {
  for (let at = 0; at < frame.tokens.length; at++) {
    const subscription = connection.subscriptions.get(frame.tokens[at]?.token ?? '')
    if (subscription === undefined || !subscription.isActive || subscription.isMuted) continue
    const { counts } = subscription
    const rows = frame.rows[at] ?? 0
    if (frame.type === 'price_change') counts[rows === 0 ? 'unchanged' : 'changed']++
    else if (frame.type === 'last_trade_price') counts.trades++
    else if (frame.type === 'book') {
      counts.books++
      counts.differenceRows += rows
    }
  }
}

type Reach = 'none' | 'all' | 'part'

/** Whether the connection gets the frame; `part` when one of its tokens is muted there and another is not. */
const reachOf = (connection: Connection, frame: VenueFrame): Reach => {
  if (frame.type === 'best_bid_ask' && !connection.isCustom) return 'none'
  let hears = false
  let isMuted = false
  for (const { token } of frame.tokens) {
    const subscription = connection.subscriptions.get(token)
    if (subscription === undefined || !subscription.isActive) continue
    if (subscription.isMuted) isMuted = true
    else hears = true
  }
  if (!hears) return 'none'
  return isMuted && frame.elements.length > 1 ? 'part' : 'all'
}

/** Only the elements of tokens that the connection hears. */
const partText = (connection: Connection, frame: VenueFrame): string => {
  const heard = frame.elements.filter((_, at) => {
    const subscription = connection.subscriptions.get(frame.tokens[at]?.token ?? '')
    return subscription?.isActive === true && !subscription.isMuted
  })
  return priceChangeText(frame.market, heard, frame.timestamp)
}

export const createOutbox = ({ now, log, faults }: OutboxOptions): Outbox => {
  const send = (connection: Connection, text: string, tokens: string[]): boolean => {
    if (!connection.send(text)) return false
    connection.framesSent++
    log?.write({ t: now(), connection: connection.id, tokens, text })
    return true
  }
  const tokensOf = (frame: VenueFrame): string[] => frame.tokens.map(({ token }) => token)
  const deliverTo = (connection: Connection, frame: VenueFrame): number => {
    const reach = reachOf(connection, frame)
    if (reach === 'none') return 0
    const passed = connection.faults.pass(frame)
    if (passed.done !== undefined) {
      const fault = { type: passed.done, connection: connection.id, tokens: tokensOf(frame), text: frame.text }
      faults.push({ ...fault, timeMs: now() })
    }
    let sentCount = 0
    for (const one of passed.frames) {
      const text = reach === 'part' ? partText(connection, one) : one.text
      if (!send(connection, text, log === undefined ? [] : tokensOf(one))) continue
      count(connection, one)
      sentCount++
    }
    return sentCount
  }
  return {
    send,
    deliver: (frame) => {
      log?.write({ t: now(), connection: VENUE_TAPE, tokens: tokensOf(frame), text: frame.text })
      let sentCount = 0
      for (const connection of frame.market.subscribers) sentCount += deliverTo(connection, frame)
      return sentCount
    },
  }
}
