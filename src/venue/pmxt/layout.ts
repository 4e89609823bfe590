/** A column of a Parquet file, with DuckDB's name of its type. */
export type Column = { name: string; type: string }

/** `select`: SQL expressions over the file that give the columns of `PmxtRow`, and what rows are joined to markets by. */
export type PmxtLayout = { version: 'v1' | 'v2'; select: Record<PmxtColumn, string> }

type PmxtColumn =
  | 'condition_id'
  | 'token'
  | 'kind'
  | 'received_ms'
  | 'venue_ms'
  | 'bids'
  | 'asks'
  | 'price'
  | 'size'
  | 'side'
  | 'body'

/** Files say when they received a row and when the venue made it; either may be absent. */
const RECEIVED = ['timestamp_received', 'received_at', 'local_timestamp']
const MADE = ['timestamp', 'timestamp_created_at', 'exchange_timestamp']

/** Epoch ms of a number of seconds, milliseconds, microseconds or nanoseconds: after 1973 they cannot be confused. */
const ofNumber = (value: string): string =>
  `(case when ${value} >= 1e17 then round(${value} / 1e6) when ${value} >= 1e14 then round(${value} / 1e3) ` +
  `when ${value} >= 1e11 then round(${value}) else round(${value} * 1e3) end)::bigint`

const ofText = (value: string): string =>
  `coalesce(${ofNumber(`try_cast(${value} as double)`)}, epoch_ms(try_cast(${value} as timestamptz)))`

const timeOf = ({ name, type }: Column): string => {
  if (type === 'TIMESTAMP WITH TIME ZONE') return `epoch_ms("${name}")`
  if (type.startsWith('TIMESTAMP')) return `epoch_ms("${name}"::timestamp)`
  if (type === 'VARCHAR') return ofText(`"${name}"`)
  return ofNumber(`try_cast("${name}" as double)`)
}

const textOf = ({ name, type }: Column): string => {
  if (type === 'BLOB') return `decode("${name}")`
  return type.endsWith('[]') || type.startsWith('STRUCT') ? `to_json("${name}")::varchar` : `"${name}"::varchar`
}

/**
 * How to read a file by the names of its columns: those that are absent are null, others are not looked at. Sources: v2 has
 * `event_type` and `asset_id`; v1 `update_type` and the whole message in `data`.
 *
 * @returns undefined for a file that is neither.
 */
export const layoutOf = (columns: Column[]): PmxtLayout | undefined => {
  const find = (names: string[]): Column | undefined =>
    names
      .map((name) => columns.find((column) => column.name.toLowerCase() === name))
      .find((found) => found !== undefined)
  const text = (...names: string[]): string => {
    const column = find(names)
    return column === undefined ? 'null::varchar' : textOf(column)
  }
  const time = (names: string[], otherwise = 'null::bigint'): string => {
    const column = find(names)
    return column === undefined ? otherwise : timeOf(column)
  }
  const body = text('data')
  const inBody = (key: string): string =>
    `json_extract_string(case when json_valid(${body}) then ${body} end, '$.${key}')`
  const shared = { condition_id: `lower(${text('market', 'market_id')})`, received_ms: time(RECEIVED) }
  const isV1 = find(['update_type']) !== undefined && find(['data']) !== undefined
  if (isV1) {
    const nothing = 'null::varchar'
    const token = `coalesce(${inBody('token_id')}, ${inBody('asset_id')})`
    const rest = { bids: nothing, asks: nothing, price: nothing, size: nothing, side: nothing }
    const venue_ms = time(MADE, ofText(inBody('timestamp')))
    return { version: 'v1', select: { ...shared, ...rest, kind: text('update_type'), token, venue_ms, body } }
  }
  if (find(['event_type']) === undefined || find(['asset_id', 'token_id']) === undefined) return undefined
  const levels = { bids: text('bids'), asks: text('asks') }
  const change = { price: text('price'), size: text('size'), side: text('side') }
  const names = { kind: text('event_type'), token: text('asset_id', 'token_id') }
  return {
    version: 'v2',
    select: { ...shared, ...names, ...levels, ...change, venue_ms: time(MADE), body: 'null::varchar' },
  }
}
