import { emptyCounts, type Connection } from './connection.ts'
import type { VenueToken } from './market.ts'

/** Subscribes. True when the connection never had the token before: only then a snapshot follows (nautilus#4635). */
export const addToken = (connection: Connection, token: VenueToken): boolean => {
  const known = connection.subscriptions.get(token.token)
  if (known !== undefined) known.isActive = true
  else {
    const counts = emptyCounts()
    connection.subscriptions.set(token.token, { token, isActive: true, isMuted: false, counts })
  }
  const { subscribers } = token.market
  if (!subscribers.includes(connection)) subscribers.push(connection)
  return known === undefined
}

export const removeToken = (connection: Connection, token: VenueToken): void => {
  const subscription = connection.subscriptions.get(token.token)
  if (subscription !== undefined) subscription.isActive = false
  if (token.market.tokens.some((one) => connection.isSubscribedTo(one.token))) return
  token.market.subscribers = token.market.subscribers.filter((one) => one !== connection)
}
