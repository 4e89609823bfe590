import type { Redis } from 'ioredis'
import type pg from 'pg'
import { canonical } from './tape/levels.ts'

/** `[price, size]` texts, canonical decimals, best first: the form in which books are compared. */
export type PlainBook = { bids: [string, string][]; asks: [string, string][] }

const sorted = (levels: Iterable<[string, string]>, side: 'bid' | 'ask'): [string, string][] =>
  [...levels]
    .map(([price, size]): [string, string] => [canonical(price), canonical(size)])
    .toSorted(([left], [right]) => (Number(left) - Number(right)) * (side === 'bid' ? -1 : 1))

export const plainBook = (bids: Iterable<[string, string]>, asks: Iterable<[string, string]>): PlainBook => ({
  bids: sorted(bids, 'bid'),
  asks: sorted(asks, 'ask'),
})

type Row = { outcome_id: string; sequence: string; side: 'bid' | 'ask'; price: string; size: string; kind: string }

export type Rebuilt = { book: PlainBook | undefined; sequences: number[]; rowCount: number }

/** The books as anyone would rebuild them from `order_books` alone, by the meaning of `sequence` and `kind`. */
export const rebuildFromRows = async (pool: pg.Pool): Promise<Map<string, Rebuilt>> => {
  const result = await pool.query<Row>(
    'select outcome_id, sequence, side, price::text, size::text, kind from order_books order by outcome_id, sequence, id',
  )
  const byOutcome = new Map<string, Row[]>()
  for (const row of result.rows) {
    const rows = byOutcome.get(row.outcome_id)
    if (rows === undefined) byOutcome.set(row.outcome_id, [row])
    else rows.push(row)
  }
  return new Map([...byOutcome].map(([outcomeId, rows]) => [outcomeId, rebuild(rows)]))
}

const rebuild = (rows: Row[]): Rebuilt => {
  const sides = { bid: new Map<string, string>(), ask: new Map<string, string>() }
  const sequences: number[] = []
  let isKnown = false
  for (const row of rows) {
    const sequence = Number(row.sequence)
    const isNew = sequences.at(-1) !== sequence
    if (isNew) sequences.push(sequence)
    if (row.kind === 'gap') isKnown = false
    if (row.kind === 'snapshot' && isNew) {
      sides.bid.clear()
      sides.ask.clear()
      isKnown = true
    }
    if (Number(row.size) === 0) sides[row.side].delete(row.price)
    else sides[row.side].set(row.price, row.size)
  }
  return { book: isKnown ? plainBook(sides.bid, sides.ask) : undefined, sequences, rowCount: rows.length }
}

const ladder = async (redis: Redis, outcomeId: string, side: 'bid' | 'ask'): Promise<[string, string][]> => {
  const members = await redis.zrange(`ladder:${outcomeId}:${side}`, '0', '-1')
  return members.map((member): [string, string] => {
    const [price = '', size = ''] = member.split(':')
    return [price, size]
  })
}

/** The ladders of one outcome as a trader reads them. */
export const readLadders = async (redis: Redis, outcomeId: string): Promise<PlainBook> =>
  plainBook(await ladder(redis, outcomeId, 'bid'), await ladder(redis, outcomeId, 'ask'))

/** outcome id of every token. */
export const readOutcomes = async (pool: pg.Pool): Promise<Map<string, string>> => {
  const result = await pool.query<{ outcome_id: string; tokens: string }>('select outcome_id, tokens from outcomes')
  return new Map(result.rows.map((row) => [row.tokens, row.outcome_id]))
}

/** Sequences that are missing or stand twice: none in a right recording. */
export const notDense = (rebuilt: ReadonlyMap<string, Rebuilt>): string[] =>
  [...rebuilt].flatMap(([outcomeId, { sequences }]) => {
    const wrong = sequences.findIndex((sequence, index) => sequence !== index + 1)
    return wrong === -1 ? [] : [`${outcomeId}: expected ${wrong + 1}, came ${sequences[wrong]}`]
  })

/** Rows that stand twice under the same event, whatever their id. */
export const countDoubled = async (pool: pg.Pool): Promise<number> => {
  const result = await pool.query<{ doubled: number }>(
    `select count(*)::int as doubled from (select 1 from order_books
     group by outcome_id, sequence, side, price having count(*) > 1) as twice`,
  )
  return result.rows[0]?.doubled ?? 0
}
