import { activityV1, tradeActivityV1 } from './data-activity.ts'
import type { Catalogue } from './catalogue.ts'
import type { DataFaultQueue, DataPath } from './data-faults.ts'
import { tradeV1, tradeV2 } from './data-objects.ts'
import { countOf, decodeCursor, encodeCursor, listOf, take } from './data-query.ts'
import { failed, json, type Answer, type Route } from './http.ts'
import type { LedgerTrade } from './ledger.ts'
import { createRandom, type Random } from './random.ts'
import type { TradeLedger } from './trade-ledger.ts'

export type DataApiOptions = { catalogue: Catalogue; ledger: TradeLedger; faults: DataFaultQueue }

const MOST_V1 = 10_000
const MOST_V2 = 1_000
const MOST_CONDITIONS_V2 = 20
const MOST_ACTIVITY = 500
/** Elements of the page before that a repeating page begins with: as if so many trades had come in between. */
const MOST_REPEATED = 20

type Listed = { sequence: number; item: LedgerTrade }

function* ofConditions(listed: Iterable<Listed>, ids: string[]): Iterable<Listed> {
  for (const one of listed) if (ids.length === 0 || ids.includes(one.item.conditionId)) yield one
}

const tradesV1 = ({ catalogue, ledger }: DataApiOptions, query: URLSearchParams, random: Random): Answer => {
  const offset = countOf(query, 'offset', 0)
  if (offset > MOST_V1) return failed(400, `max historical activity offset of ${MOST_V1} exceeded`)
  const repeats = offset > 0 && random.chance(ledger.faults.repeatShare)
  const from = repeats ? Math.max(offset - random.between(1, MOST_REPEATED), 0) : offset
  const limit = Math.min(countOf(query, 'limit', 100), MOST_V1)
  const all = take(ofConditions(ledger.listedTrades.newestFirst(), listOf(query, 'market')), from + limit)
  return json(all.slice(from).map(({ item }) => tradeV1(catalogue, item)))
}

const tradesV2 = ({ catalogue, ledger }: DataApiOptions, query: URLSearchParams): Answer => {
  if (query.has('offset')) return failed(400, 'offset is not supported, use cursor')
  const ids = listOf(query, 'condition', 'condition_id', 'conditionId')
  if (ids.length > MOST_CONDITIONS_V2) return failed(400, `at most ${MOST_CONDITIONS_V2} conditions`)
  const text = query.get('cursor')
  const cursor = text === null ? undefined : decodeCursor(text)
  if (text !== null && cursor === undefined) return failed(400, 'malformed cursor')
  const limit = cursor?.limit ?? countOf(query, 'limit', 100)
  if (limit < 1 || limit > MOST_V2) return failed(400, `limit must be between 1 and ${MOST_V2}`)
  // By place and not by count: trades that come later, also late ones, shift no page.
  const found = take(ofConditions(ledger.listedTrades.newestFirst(cursor?.sequence), ids), limit + 1)
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const more = found.length > limit && last !== undefined
  const pagination = { next_cursor: more ? encodeCursor(last.sequence, limit) : null, has_more: more }
  return json({ data: page.map(({ item }) => tradeV2(catalogue, item)), pagination })
}

const activity = ({ catalogue, ledger }: DataApiOptions, query: URLSearchParams): Answer => {
  const user = query.get('user')?.toLowerCase()
  if (user === undefined) return failed(400, 'required query param "user" not provided')
  const limit = countOf(query, 'limit', 100)
  if (limit > MOST_ACTIVITY) return failed(400, `limit must be at most ${MOST_ACTIVITY}`)
  const types = listOf(query, 'type')
  const isWanted = (type: string): boolean => types.length === 0 || types.includes(type)
  const done = [...ledger.listedActivities.newestFirst()].map(({ item }) => item)
  const traded = isWanted('TRADE') ? [...ledger.listedTrades.newestFirst()].map(({ item }) => item) : []
  const found = [
    ...done.filter((one) => one.wallet === user && isWanted(one.type)).map((one) => activityV1(catalogue, one)),
    ...traded.filter((one) => one.wallet === user).map((one) => tradeActivityV1(catalogue, one)),
  ].filter(({ timestamp }) => timestamp >= countOf(query, 'start', 0) && timestamp <= countOf(query, 'end', Infinity))
  const offset = countOf(query, 'offset', 0)
  return json(found.toSorted((left, right) => right.timestamp - left.timestamp).slice(offset, offset + limit))
}

/** Both versions tell taker trades only, newest first. */
export const dataRoutes = (options: DataApiOptions): Route[] => {
  const random = createRandom(1)
  const route = (path: DataPath, answer: (query: URLSearchParams) => Answer): Route => ({
    method: 'GET',
    pattern: new RegExp(`^/data/${path}$`),
    answer: async ({ url }) => (await options.faults.meet(path)) ?? answer(url.searchParams),
  })
  return [
    route('trades', (query) => tradesV1(options, query, random)),
    route('v2/trades', (query) => tradesV2(options, query)),
    route('activity', (query) => activity(options, query)),
  ]
}
