import { ACCEPTED, parseInstant } from './instant.ts'
import {
  EXPORT_OPTIONS,
  maxBytesOf,
  QUERY_OPTIONS,
  scanOptions,
  toExport,
  toQuery,
  type ScanCommand,
} from './scan-command.ts'
import { parseWords, UsageError } from './usage.ts'

const HOUR_MS = 3_600_000
const DEFAULT_DEPTH = 10

export const USAGE = `usage: npm run polytape -- <command>

  book <market> [--at <time>] [--depth <n>]
      The order book as a ladder. Without --at: now, from the hot cache. With --at: as it
      was known at that instant, by receive time, from the history.
      --depth      levels a side (default ${DEFAULT_DEPTH}, 0 = all)
      --max-bytes  refuse to read more of the archive (default 1GB); --force reads any amount
  coverage <market> [--from <time>] [--to <time>]
      What is recorded of it, hour by hour (default: the last 24 hours).
  query "select …" [--market <market>]… [--from <time>] [--to <time>]
      One SQL query (DuckDB) over Postgres and the archive: order_books, liquidity_events, fills,
      derived_metrics, feed_gaps, imported_prices, imported_spans, markets, outcomes. Rows are those of
      the markets, from <= t < to.
      --format     table (default), csv, json or parquet
      --output     a file; without one to stdout
      --max-bytes  refuse to read more (default 1GB); --force reads any amount
  export [--table order_books] [--market <market>]… [--from <time>] [--to <time>] --output <file>
      All rows of a table, sorted, as --format parquet (default) or csv, for pandas or Polars.
  import pmxt <file|url> [--market <market>]…
      Fills what was not recorded with an hourly file of the pmxt archive (Parquet, v1 or v2).
  import prices <market> [--from <time>] [--to <time>] [--fidelity <minutes>]
      Keeps the prices that the venue tells of the time that was not recorded.
      Both run as workflows: Ctrl-C leaves them running, the same command shows them again.
  doctor
      Looks at Redis, Postgres, Temporal, the archive and the venue, and says what is wrong and
      what to do. Exit code 1 where something does not do.
      --json       for machines
  help

<market>  id (516710), slug, condition id (0x…), token id, or one outcome (516710:0)
<time>    ${ACCEPTED}

The databases are those of DATABASE_URL and REDIS_URL, else of the running \`npm start\`
(POLYTAPE_STATE_DIR, default .polytape). All times are UTC.`

export type Command =
  | { type: 'help' }
  | { type: 'doctor'; isJson: boolean }
  | { type: 'book'; market: string; atTimeMs: number | undefined; depth: number; maxBytes: number }
  | { type: 'coverage'; market: string; fromTimeMs: number; toTimeMs: number }
  | ScanCommand

const options = {
  ...scanOptions,
  at: { type: 'string' },
  depth: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof parseWords<typeof options>>['values']

const refuse = (command: string, values: Values, allowed: (keyof Values)[]): void => {
  for (const name of Object.keys(values)) {
    if (allowed.some((known) => known === name)) continue
    throw new UsageError(`${command} takes ${allowed.map((known) => `--${known}`).join(' and ')}, not --${name}`)
  }
}

const depthOf = (text: string | undefined): number => {
  if (text === undefined) return DEFAULT_DEPTH
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`--depth: expected a number of levels (0 = all), got "${text}"`)
  return Number(text)
}

const toBook = (market: string, values: Values, nowMs: number): Command => {
  refuse('book', values, ['at', 'depth', 'max-bytes', 'force'])
  const atTimeMs = values.at === undefined ? undefined : parseInstant('--at', values.at, nowMs)
  return { type: 'book', market, atTimeMs, depth: depthOf(values.depth), maxBytes: maxBytesOf(values) }
}

const toCoverage = (market: string, values: Values, nowMs: number): Command => {
  refuse('coverage', values, ['from', 'to'])
  const toTimeMs = values.to === undefined ? nowMs : parseInstant('--to', values.to, nowMs)
  const fromTimeMs =
    values.from === undefined
      ? Math.ceil(toTimeMs / HOUR_MS) * HOUR_MS - 24 * HOUR_MS
      : parseInstant('--from', values.from, nowMs)
  if (fromTimeMs >= toTimeMs) {
    const [from, to] = [fromTimeMs, toTimeMs].map((timeMs) => new Date(timeMs).toISOString())
    throw new UsageError(`--from must be before --to, got from ${from} to ${to}`)
  }
  return { type: 'coverage', market, fromTimeMs, toTimeMs }
}

const onMarket = (command: 'book' | 'coverage', names: string[], values: Values, nowMs: number): Command => {
  const [market, ...rest] = names
  if (market === undefined) throw new UsageError(`${command}: expected a market (id, slug or outcome id)`)
  if (rest.length > 0) throw new UsageError(`${command}: expected one market, got also "${rest.join(' ')}"`)
  return command === 'book' ? toBook(market, values, nowMs) : toCoverage(market, values, nowMs)
}

const onTables = (command: 'query' | 'export', texts: string[], values: Values, nowMs: number): Command => {
  if (command === 'export') {
    refuse(command, values, [...EXPORT_OPTIONS])
    if (texts.length > 0) throw new UsageError(`export: expected options alone, got also "${texts.join(' ')}"`)
    return toExport(values, nowMs)
  }
  refuse(command, values, [...QUERY_OPTIONS])
  const [statement, ...rest] = texts
  if (statement === undefined) throw new UsageError('query: expected a query, e.g. "select count(*) from order_books"')
  if (rest.length > 0) throw new UsageError(`query: expected one text (quote it), got also "${rest.join(' ')}"`)
  return toQuery(statement, values, nowMs)
}

const toDoctor = (rest: string[], values: Values): Command => {
  refuse('doctor', values, ['json'])
  if (rest.length > 0) throw new UsageError(`doctor: expected options alone, got also "${rest.join(' ')}"`)
  return { type: 'doctor', isJson: values.json ?? false }
}

/** @throws UsageError, or an Error that says which time was not understood. */
export const parseCommand = (args: string[], nowMs: number): Command => {
  const { values, positionals } = parseWords(args, options)
  const [command, ...rest] = positionals
  if (values.help === true) return { type: 'help' }
  switch (command) {
    case 'help':
      return { type: 'help' }
    case undefined:
      throw new UsageError('expected a command')
    case 'book':
    case 'coverage':
      return onMarket(command, rest, values, nowMs)
    case 'doctor':
      return toDoctor(rest, values)
    case 'query':
    case 'export':
      return onTables(command, rest, values, nowMs)
    default:
      throw new UsageError(`there is no command "${command}"`)
  }
}
