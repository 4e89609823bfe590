import { createHash } from 'node:crypto'
import { WebSocket, type RawData } from 'ws'

const bodyText = (body: RawData): string =>
  (Array.isArray(body) ? Buffer.concat(body) : Buffer.isBuffer(body) ? body : Buffer.from(body)).toString()

type Json = Record<string, unknown>
type RawLevel = { price: string; size: string }

/** A websocket of the market channel that keeps every text. */
export const openClient = async (url: string, protocols: string[] = []) => {
  const socket = new WebSocket(url, protocols)
  const texts: string[] = []
  socket.on('message', (body) => texts.push(bodyText(body)))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const send = (value: unknown): void => socket.send(typeof value === 'string' ? value : JSON.stringify(value))
  /** Everything sent before has arrived once this PONG has. */
  const settle = async (): Promise<void> => {
    const before = texts.filter((text) => text === 'PONG').length
    send('PING')
    await until(() => texts.filter((text) => text === 'PONG').length > before)
  }
  const subscribe = async (tokens: string[], more: Json = {}): Promise<void> => {
    send({ assets_ids: tokens, type: 'market', ...more })
    await settle()
  }
  return { socket, texts, closed, send, settle, subscribe, [Symbol.dispose]: () => socket.terminate() }
}

export const until = async (isDone: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> => {
  const endMs = Date.now() + timeoutMs
  while (!(await isDone())) {
    if (Date.now() > endMs) throw new Error(`not within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

type Receipt = { market: string; bids: Map<string, string>; asks: Map<string, string>; rows: number; lastTrade: string }
export type Rules = (token: string) => { tickSize: string; negRisk: boolean; version: string | undefined }

const CANDIDATES = ['', ...Array.from({ length: 1_001 }, (_, at) => (at / 1_000).toFixed(3))]

/**
 * A receiver of its own making: shares no code with the emulator or the product. Rebuilds each book from texts,
 * counts the rows a recorder would write, and proves each batch by its hash.
 */
export const createReceiver = (rules: Rules) => {
  const books = new Map<string, Receipt>()
  const open = new Map<string, { timestamp: string; hash: string; bestBid: string; bestAsk: string }>()
  const found = { verified: 0, failed: [] as string[], searches: 0, trades: [] as Json[] }

  const sideText = (levels: Map<string, string>, direction: number): string =>
    [...levels]
      .sort((left, right) => (Number(left[0]) - Number(right[0])) * direction)
      .map(([price, size]) => `{"price":"${price}","size":"${size}"}`)
      .join(',')
  const hashWith = (token: string, timestamp: string, lastTrade: string): string => {
    const book = books.get(token)
    if (book === undefined) return 'no book'
    const { tickSize, negRisk, version } = rules(token)
    const text =
      `{"market":"${book.market}","asset_id":"${token}","timestamp":"${timestamp}","hash":"",` +
      `"bids":[${sideText(book.bids, 1)}],"asks":[${sideText(book.asks, -1)}],"min_order_size":"5",` +
      `"tick_size":"${tickSize}","neg_risk":${negRisk},"last_trade_price":"${lastTrade}"` +
      `${version === undefined ? '' : `,"version":"${version}"`}}`
    return createHash('sha1').update(text).digest('hex')
  }
  const prove = (token: string, timestamp: string, hash: string): void => {
    const book = books.get(token)
    if (book === undefined) return
    const fits = (price: string): boolean => hashWith(token, timestamp, price) === hash
    if (!fits(book.lastTrade)) {
      found.searches++
      const price = CANDIDATES.find(fits)
      if (price === undefined) return void found.failed.push(`${token} ${timestamp}`)
      book.lastTrade = price
    }
    found.verified++
  }
  const endBatch = (token: string): void => {
    const batch = open.get(token)
    open.delete(token)
    if (batch === undefined) return
    prove(token, batch.timestamp, batch.hash)
    const { bids, asks } = books.get(token) ?? { bids: new Map<string, string>(), asks: new Map<string, string>() }
    const bestBid = Math.max(0, ...[...bids.keys()].map(Number))
    const bestAsk = Math.min(1, ...[...asks.keys()].map(Number))
    if (bestBid !== Number(batch.bestBid) || bestAsk !== Number(batch.bestAsk)) found.failed.push(`best of ${token}`)
  }
  const difference = (old: Map<string, string>, now: Map<string, string>): number =>
    [...new Set([...old.keys(), ...now.keys()])].filter((price) => old.get(price) !== now.get(price)).length
  const takeBook = (message: Json, isDump: boolean): void => {
    const token = String(message['asset_id'])
    endBatch(token)
    const toMap = (levels: unknown) => new Map((levels as RawLevel[]).map((one) => [one.price, one.size]))
    const [bids, asks] = [toMap(message['bids']), toMap(message['asks'])]
    const old = books.get(token)
    const rows = isDump ? Math.max(bids.size + asks.size, 1) : difference(old!.bids, bids) + difference(old!.asks, asks)
    const lastTrade = typeof message['last_trade_price'] === 'string' ? message['last_trade_price'] : old!.lastTrade
    books.set(token, { market: String(message['market']), bids, asks, rows: (old?.rows ?? 0) + rows, lastTrade })
    prove(token, String(message['timestamp']), String(message['hash']))
  }
  const takeChange = (element: Json, timestamp: string): void => {
    const [token, hash] = [String(element['asset_id']), String(element['hash'])]
    const book = books.get(token)
    if (book === undefined) return
    const batch = open.get(token)
    if (batch !== undefined && (batch.timestamp !== timestamp || batch.hash !== hash)) endBatch(token)
    const levels = element['side'] === 'BUY' ? book.bids : book.asks
    const [price, size] = [String(element['price']), String(element['size'])]
    if (levels.get(price) !== (size === '0' ? undefined : size)) book.rows++
    if (size === '0') levels.delete(price)
    else levels.set(price, size)
    open.set(token, { timestamp, hash, bestBid: String(element['best_bid']), bestAsk: String(element['best_ask']) })
  }
  const takeMessage = (message: Json, isDump: boolean): void => {
    if (message['event_type'] === 'book') takeBook(message, isDump)
    if (message['event_type'] === 'last_trade_price') found.trades.push(message)
    if (message['event_type'] !== 'price_change') return
    for (const element of message['price_changes'] as Json[]) takeChange(element, String(message['timestamp']))
  }
  return {
    books,
    found,
    take: (text: string): void => {
      if (!text.startsWith('{') && !text.startsWith('[')) return
      const value = JSON.parse(text) as Json | Json[]
      for (const message of Array.isArray(value) ? value : [value]) takeMessage(message, Array.isArray(value))
    },
    finish: (): void => {
      for (const token of open.keys()) endBatch(token)
    },
  }
}
