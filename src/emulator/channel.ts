import { z } from 'zod'
import type { Catalogue } from './catalogue.ts'
import type { Connection } from './connection.ts'
import { sendDump, type DumpOptions } from './dumps.ts'
import { addToken, removeToken } from './subscriptions.ts'

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

export type ChannelOptions = DumpOptions & {
  catalogue: Catalogue
  /** A frame of more ids closes the connection (rs-clob-client-v2#116). */
  maxIdsPerFrame: number
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

const subscribe = (connection: Connection, request: Request, options: ChannelOptions): number => {
  const wanted = [...new Set(request.assets_ids)]
  if (wanted.length > 0 && wanted.every((id) => connection.isSubscribedTo(id))) {
    connection.send(NOTHING_NEW)
    return 0
  }
  const known = wanted.map((id) => options.catalogue.token(id)).filter((token) => token !== undefined)
  const firstIndex = connection.subscriptions.size
  const added = known.filter((token) => addToken(connection, token))
  options.changed()
  const isFirst = !connection.isSubscribed
  connection.isSubscribed = true
  if (request.initial_dump && (added.length > 0 || isFirst)) {
    sendDump({ connection, tokens: added, firstIndex }, options)
  }
  return added.length
}

const unsubscribe = (connection: Connection, ids: string[], options: ChannelOptions): number => {
  const known = ids.map((id) => connection.subscriptions.get(id)).filter((one) => one?.isActive === true)
  for (const one of known) if (one !== undefined) removeToken(connection, one.token)
  options.changed()
  return known.length
}

const apply = (connection: Connection, request: Request, options: ChannelOptions): void => {
  const type = 'operation' in request ? request.operation : 'subscribe'
  const ids = request.assets_ids
  const received = { timeMs: options.now(), type, idCount: ids.length }
  if (type === 'subscribe' && ids.length > options.maxIdsPerFrame) {
    connection.received.push({ ...received, newCount: 0 })
    setTimeout(() => connection.close('oversize_subscribe', true), OVERSIZE_CLOSE_MS)
    return
  }
  // The flag is taken over even where the subscription is refused.
  if (request.custom_feature_enabled !== undefined) connection.isCustom = request.custom_feature_enabled
  const newCount =
    type === 'subscribe' ? subscribe(connection, request, options) : unsubscribe(connection, ids, options)
  connection.received.push({ ...received, newCount })
}

export const createChannel = (options: ChannelOptions): Channel => ({
  receive: (connection, text) => {
    if (text === 'PING') return void connection.send('PONG')
    const request = parse(text)
    if (request !== undefined) return apply(connection, request, options)
    connection.received.push({ timeMs: options.now(), type: 'invalid', idCount: 0, newCount: 0 })
    connection.send(INVALID)
  },
  leave: (connection) => {
    for (const { token } of connection.subscriptions.values()) removeToken(connection, token)
    options.changed()
  },
})
