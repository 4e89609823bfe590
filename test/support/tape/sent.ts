import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { canonical, type Levels, type LevelRow, type Side } from './levels.ts'

/** What a text of the emulator's log says of one token. `at` is its place in the log: the order in which all was made. */
export type Sent = { at: number; timeMs: number; venueMs: number } & (
  | { type: 'book'; hash: string; levels: Levels }
  | { type: 'change'; hash: string; row: LevelRow }
  | { type: 'best'; bid: string; ask: string }
  | { type: 'trade'; text: string }
  | { type: 'tick' }
)

/** All that was said of one token: by the venue before any fault, by REST, and on each connection. */
export type TokenTape = { tape: Sent[]; rest: Sent[]; connections: Map<number, Sent[]> }

const level = z.object({ price: z.string(), size: z.string() })
const message = z.object({
  event_type: z.string().default('book'),
  asset_id: z.string().default(''),
  timestamp: z.string(),
  hash: z.string().default(''),
  bids: z.array(level).default([]),
  asks: z.array(level).default([]),
  price_changes: z
    .array(level.extend({ asset_id: z.string(), hash: z.string(), side: z.enum(['BUY', 'SELL']) }))
    .default([]),
  best_bid: z.string().default(''),
  best_ask: z.string().default(''),
  price: z.string().default(''),
  size: z.string().default(''),
  side: z.string().default(''),
  transaction_hash: z.string().default(''),
})
type Message = z.infer<typeof message>
const line = z.object({ t: z.number(), connection: z.number(), text: z.string() })

const toMap = (levels: z.infer<typeof level>[]): Map<string, string> =>
  new Map(levels.map(({ price, size }) => [canonical(price), canonical(size)]))

const sideOf = (side: 'BUY' | 'SELL'): Side => (side === 'BUY' ? 'bid' : 'ask')

type Place = Pick<Sent, 'at' | 'timeMs' | 'venueMs'>

const read = (one: Message, place: Place): [string, Sent][] => {
  const token = one.asset_id
  switch (one.event_type) {
    case 'book':
      return [
        [token, { ...place, type: 'book', hash: one.hash, levels: { bid: toMap(one.bids), ask: toMap(one.asks) } }],
      ]
    case 'price_change':
      return one.price_changes.map(({ asset_id: of, hash, side, price, size }) => {
        const row = { side: sideOf(side), price: canonical(price), size: canonical(size) }
        return [of, { ...place, type: 'change', hash, row }]
      })
    case 'best_bid_ask':
      return [[token, { ...place, type: 'best', bid: canonical(one.best_bid), ask: canonical(one.best_ask) }]]
    case 'last_trade_price': {
      const text = [one.transaction_hash, token, one.side.toLowerCase(), Number(one.price), Number(one.size)].join(' ')
      return [[token, { ...place, type: 'trade', text }]]
    }
    case 'tick_size_change':
      return [[token, { ...place, type: 'tick' }]]
    default:
      return []
  }
}

const messagesOf = (text: string): Message[] => {
  const value: unknown = JSON.parse(text)
  return (Array.isArray(value) ? value : [value]).flatMap((one) => message.safeParse(one).data ?? [])
}

/** Reads one text; broken ones and broadcasts say nothing of a token. */
const readText = (text: string, at: number, timeMs: number): [token: string, sent: Sent][] => {
  try {
    return messagesOf(text).flatMap((one) => read(one, { at, timeMs, venueMs: Number(one.timestamp) }))
  } catch {
    return []
  }
}

const listFor = (tape: TokenTape, connection: number): Sent[] => {
  if (connection === 0) return tape.tape
  if (connection < 0) return tape.rest
  const known = tape.connections.get(connection)
  if (known !== undefined) return known
  const list: Sent[] = []
  tape.connections.set(connection, list)
  return list
}

/** The emulator's whole log (`--log`), by token. Connections are in the order in which they opened. */
export const readTapes = async (path: string): Promise<Map<string, TokenTape>> => {
  const tapes = new Map<string, TokenTape>()
  let at = 0
  for await (const text of createInterface({ input: createReadStream(path) })) {
    at += 1
    const logged = line.parse(JSON.parse(text))
    for (const [token, sent] of readText(logged.text, at, logged.t)) {
      const tape = tapes.get(token) ?? { tape: [], rest: [], connections: new Map() }
      tapes.set(token, tape)
      listFor(tape, logged.connection).push(sent)
    }
  }
  return tapes
}
