import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import { emptyCounts, type Connection } from './connection.ts'
import type { LedgerFault } from './ledger.ts'
import type { VenueToken } from './market.ts'
import type { Outbox } from './outbox.ts'
import { dumpText } from './texts.ts'

const ids = z.array(z.string())
const schema = z.union([
  z.object({
    operation: z.enum(['subscribe', 'unsubscribe']),
    assets_ids: ids,
    custom_feature_enabled: z.boolean().optional(),
    initial_dump: z.boolean().default(true),
  }),
  z.object({
    type: z.enum(['market', 'Market']),
    assets_ids: ids,
    custom_feature_enabled: z.boolean().optional(),
    initial_dump: z.boolean().default(true),
  }),
])
type Request = z.infer<typeof schema>

/** Answers to frames the venue does not take: plain text, not JSON. */
const INVALID = 'INVALID OPERATION'
const NOTHING_NEW = 'NO NEW ASSETS'
const OVERSIZE_CLOSE_MS = 100

/** Snapshots of these tokens (all, when empty) are left out of the next `count` dumps. */
export type WithheldSnapshots = { tokens: Set<string>; count: number }

export type ChannelOptions = {
  catalogue: Catalogue
  outbox: Outbox
  faults: LedgerFault[]
  withheld: WithheldSnapshots[]
  now: () => number
  /** A frame of more ids closes the connection (rs-clob-client-v2#116). */
  maxIdsPerFrame: number
  /** Beyond it some snapshots silently never come. */
  maxSnapshotTokens: number
  /** Text before each frame: the file's clock of a replay. */
  prefix: (connection: Connection) => string
  /** Called before a snapshot is told: a replay finds its last trade price then. */
  prepare: (token: VenueToken) => void
  /** Called when a market has a new subscriber or one less. */
  changed: () => void
}

export type Channel = {
  receive(connection: Connection, text: string): void
  /** Forgets a connection that closed. */
  leave(connection: Connection): void
}

const parse = (text: string): Request | undefined => {
  try {
    return schema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

export const createChannel = (options: ChannelOptions): Channel => {
  const { catalogue, outbox, now } = options

  /** Notes the subscription. True when the connection never had the token before: only then a snapshot follows. */
  const add = (connection: Connection, token: VenueToken): boolean => {
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

  const remove = (connection: Connection, token: VenueToken): void => {
    const subscription = connection.subscriptions.get(token.token)
    if (subscription !== undefined) subscription.isActive = false
    if (token.market.tokens.some((one) => connection.isSubscribedTo(one.token))) return
    token.market.subscribers = token.market.subscribers.filter((one) => one !== connection)
  }

  const isWithheld = (token: string): boolean =>
    options.withheld.some((one) => one.tokens.size === 0 || one.tokens.has(token))

  const noteWithheld = (connection: Connection, tokens: string[]): void => {
    if (tokens.length === 0) return
    options.faults.push({ type: 'withhold', timeMs: now(), connection: connection.id, tokens, text: '' })
    for (const one of options.withheld)
      if (tokens.some((token) => one.tokens.size === 0 || one.tokens.has(token))) one.count--
    for (let at = options.withheld.length - 1; at >= 0; at--) {
      if ((options.withheld[at]?.count ?? 0) <= 0) options.withheld.splice(at, 1)
    }
  }

  const dump = (connection: Connection, tokens: VenueToken[], firstIndex: number): void => {
    const crowdedOut = tokens.filter(
      (_, at) => firstIndex + at >= options.maxSnapshotTokens && (firstIndex + at) % 3 === 0,
    )
    const withheld = tokens.filter((one) => isWithheld(one.token))
    const omitted = new Set([...crowdedOut, ...withheld])
    const sent = tokens.filter((one) => one.hash !== '' && !omitted.has(one))
    noteWithheld(
      connection,
      withheld.map((one) => one.token),
    )
    if (sent.length === 0 && tokens.length > 0) return
    for (const one of sent) options.prepare(one)
    outbox.send(
      connection,
      options.prefix(connection) + dumpText(sent),
      sent.map((one) => one.token),
    )
    for (const one of sent) {
      const counts = connection.subscriptions.get(one.token)?.counts
      if (counts === undefined) continue
      counts.snapshots++
      counts.snapshotRows += Math.max(one.book.bids.count + one.book.asks.count, 1)
    }
  }

  const subscribe = (connection: Connection, request: Request): number => {
    const wanted = [...new Set(request.assets_ids)]
    const known = wanted.map((id) => catalogue.token(id)).filter((token) => token !== undefined)
    if (wanted.length > 0 && wanted.every((id) => connection.isSubscribedTo(id))) {
      connection.send(NOTHING_NEW)
      return 0
    }
    const firstIndex = connection.subscriptions.size
    const added = known.filter((token) => add(connection, token))
    options.changed()
    if (request.initial_dump && (added.length > 0 || !connection.isSubscribed)) dump(connection, added, firstIndex)
    connection.isSubscribed = true
    return added.length
  }

  const unsubscribe = (connection: Connection, tokens: string[]): number => {
    const known = tokens.filter((id) => connection.isSubscribedTo(id)).map((id) => catalogue.token(id))
    for (const token of known) if (token !== undefined) remove(connection, token)
    options.changed()
    return known.length
  }

  const apply = (connection: Connection, request: Request): void => {
    const type = 'operation' in request ? request.operation : 'subscribe'
    const idCount = request.assets_ids.length
    if (request.custom_feature_enabled !== undefined) connection.isCustom = request.custom_feature_enabled
    if (type === 'subscribe' && idCount > options.maxIdsPerFrame) {
      connection.received.push({ timeMs: now(), type, idCount, newCount: 0 })
      setTimeout(() => connection.close('oversize_subscribe', true), OVERSIZE_CLOSE_MS)
      return
    }
    const newCount = type === 'subscribe' ? subscribe(connection, request) : unsubscribe(connection, request.assets_ids)
    connection.received.push({ timeMs: now(), type, idCount, newCount })
  }

  return {
    receive: (connection, text) => {
      if (text === 'PING') return connection.send('PONG')
      const request = parse(text)
      if (request !== undefined) return apply(connection, request)
      connection.received.push({ timeMs: now(), type: 'invalid', idCount: 0, newCount: 0 })
      connection.send(INVALID)
    },
    leave: (connection) => {
      for (const { token } of connection.subscriptions.values()) remove(connection, token)
      options.changed()
    },
  }
}
