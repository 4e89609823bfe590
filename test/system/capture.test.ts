import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  countDoubled,
  notDense,
  plainBook,
  readLadders,
  readOutcomes,
  rebuildFromRows,
} from '../support/recorded-books.ts'
import { openSystem, until } from '../support/system.ts'

const folder = process.env['POLYTAPE_CAPTURES'] ?? ''
const file = join(folder, 'market-ws-2026-09-30.jsonl')
const isThere = folder !== '' && existsSync(file)
if (!isThere)
  console.warn('skipped: the real capture needs POLYTAPE_CAPTURES, the folder of market-ws-2026-09-30.jsonl')

type Message = {
  event_type: string
  asset_id: string
  bids: { price: string; size: string }[]
  asks: { price: string; size: string }[]
  price_changes: { asset_id: string; price: string; size: string; side: string }[]
  transaction_hash: string
}
type Sides = { bid: Map<string, string>; ask: Map<string, string> }

/** The capture rebuilt without any code of the product; counts the rows that `order_books` must have of it. */
const rebuildCapture = (): { books: Map<string, Sides>; rowCount: number; hashes: string[] } => {
  const books = new Map<string, Sides>()
  const hashes: string[] = []
  let rowCount = 0
  const set = (levels: Map<string, string>, price: string, size: string): void => {
    if (levels.get(price) === size || (size === '0' && !levels.has(price))) return
    rowCount += 1
    if (size === '0') levels.delete(price)
    else levels.set(price, size)
  }
  const replace = (message: Message): void => {
    const book = books.get(message.asset_id) ?? { bid: new Map<string, string>(), ask: new Map<string, string>() }
    books.set(message.asset_id, book)
    for (const [side, levels] of [['bid', message.bids] as const, ['ask', message.asks] as const]) {
      const wanted = new Map(levels.map((level) => [level.price, level.size]))
      for (const price of book[side].keys()) if (!wanted.has(price)) set(book[side], price, '0')
      for (const [price, size] of wanted) set(book[side], price, size)
    }
  }
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const { payloadUtf8 } = JSON.parse(line) as { payloadUtf8: string }
    if (payloadUtf8 === 'PONG') continue
    for (const message of [JSON.parse(payloadUtf8)].flat() as Message[]) {
      if (message.event_type === 'book') replace(message)
      if (message.event_type === 'last_trade_price') hashes.push(message.transaction_hash)
      if (message.event_type !== 'price_change') continue
      for (const change of message.price_changes) {
        const book = books.get(change.asset_id)
        if (book !== undefined) set(book[change.side === 'BUY' ? 'bid' : 'ask'], change.price, change.size)
      }
    }
  }
  return { books, rowCount, hashes }
}

test.skipIf(!isThere)(
  'a real capture through the whole system: books, rows, fills, quotes and ladders equal an independent rebuild',
  async () => {
    const wanted = rebuildCapture()
    await using system = await openSystem({ args: ['--venue', `replay:${file}`, '--speed', '0'], env: {} })
    const pool = system.pool()
    const redis = system.redis()
    const count = async (): Promise<number> =>
      (await pool.query<{ rows: number }>('select count(*)::int as rows from order_books')).rows[0]?.rows ?? 0
    await until('all rows of the capture', async () => ((await count()) >= wanted.rowCount ? true : undefined))
    await until('both fills', async () => {
      const fills = await pool.query<{ tx_hash: string }>('select tx_hash from fills')
      return fills.rows.length === wanted.hashes.length ? true : undefined
    })
    const isShown = async (): Promise<boolean> => {
      const keys = await redis.keys('quote:*')
      const quotes = await Promise.all(keys.map((key) => redis.hgetall(key)))
      return quotes.some((one) => one['state'] === 'live' && one['verified_sequence'] === one['sequence'])
    }
    await until('the last book to be proved', isShown)
    const isStored = async (): Promise<boolean> => {
      const { rows } = await pool.query<{ market_id: string; sequence: string }>(
        'select market_id, verified_sequence::text as sequence from quotes_live',
      )
      const shown = await Promise.all(rows.map(({ market_id: id }) => redis.hget(`quote:${id}`, 'verified_sequence')))
      return rows.length > 0 && rows.every(({ sequence }, at) => sequence === shown[at])
    }
    await until('that to be committed', isStored)

    expect(await count()).toBe(wanted.rowCount)
    expect(await countDoubled(pool)).toBe(0)
    const rebuilt = await rebuildFromRows(pool)
    expect(notDense(rebuilt)).toEqual([])
    const outcomes = await readOutcomes(pool)
    expect(outcomes.size).toBe(wanted.books.size)
    for (const [token, { bid, ask }] of wanted.books) {
      const outcomeId = outcomes.get(token) ?? ''
      expect(rebuilt.get(outcomeId)?.book).toEqual(plainBook(bid, ask))
      expect(await readLadders(redis, outcomeId)).toEqual(plainBook(bid, ask))
    }
    const hashes = (await pool.query<{ tx_hash: string }>('select tx_hash from fills order by source_ts')).rows
    expect(hashes.map((row) => row.tx_hash)).toEqual(wanted.hashes)
    const received = await pool.query<{ days: string }>(
      "select distinct (source_received_at at time zone 'UTC')::date::text as days from order_books",
    )
    expect(received.rows.map((row) => row.days)).toEqual(['2026-09-30'])

    const marketId = [...outcomes.values()][0]?.split(':')[0] ?? ''
    const [best] = [...outcomes].filter(([, outcomeId]) => outcomeId.endsWith(':0'))
    const book = wanted.books.get(best?.[0] ?? '')
    const top = plainBook(book?.bid ?? [], book?.ask ?? [])
    const quote = await redis.hgetall(`quote:${marketId}`)
    expect([quote['bid_price'], quote['bid_size']]).toEqual(top.bids[0])
    expect([quote['ask_price'], quote['ask_size']]).toEqual(top.asks[0])
    const stored = await pool.query<{ bid: string; ask: string }>(
      'select trim_scale(bid_price)::text as bid, trim_scale(ask_price)::text as ask from quotes_live where market_id = $1',
      [marketId],
    )
    expect(stored.rows[0]).toEqual({ bid: top.bids[0]?.[0], ask: top.asks[0]?.[0] })
    expect((await pool.query('select reason, raw from dead_letters')).rows).toEqual([])

    expect((await pool.query('select reason, detail from feed_gaps')).rows).toEqual([])
    expect(quote['state']).toBe('live')
    expect(quote['verified_sequence']).toBe(quote['sequence'])
    const proofs = await pool.query<{ state: string }>('select distinct state from book_proofs')
    expect(proofs.rows).toEqual([{ state: 'verified' }])
  },
  600_000,
)
