import { extname } from 'node:path'
import { QUERY_TABLES } from '../query/tables.ts'
import { parseSize } from '../query/size.ts'
import { parseInstant } from './instant.ts'
import { UsageError } from './usage.ts'

const DEFAULT_MAX_BYTES = 1_000_000_000

const FORMATS = ['table', 'csv', 'parquet', 'json'] as const
type Format = (typeof FORMATS)[number]

/** What `query` and `export` take. `maxBytes`: Infinity = any. */
export type ScanCommand = {
  type: 'query' | 'export'
  statement: string
  markets: string[]
  fromTimeMs: number | undefined
  toTimeMs: number | undefined
  format: Format
  output: string | undefined
  maxBytes: number
}

export const scanOptions = {
  market: { type: 'string', multiple: true },
  from: { type: 'string' },
  to: { type: 'string' },
  format: { type: 'string' },
  output: { type: 'string', short: 'o' },
  table: { type: 'string' },
  'max-bytes': { type: 'string' },
  force: { type: 'boolean' },
} as const

export const QUERY_OPTIONS = ['market', 'from', 'to', 'format', 'output', 'max-bytes', 'force'] as const
export const EXPORT_OPTIONS = [...QUERY_OPTIONS, 'table'] as const

export type ScanValues = {
  market?: string[] | undefined
  from?: string | undefined
  to?: string | undefined
  format?: string | undefined
  output?: string | undefined
  table?: string | undefined
  'max-bytes'?: string | undefined
  force?: boolean | undefined
}

const isFormat = (text: string): text is Format => FORMATS.some((format) => format === text)

const formatOf = ({ format, output }: ScanValues, otherwise: Format): Format => {
  const ofName = output === undefined ? '' : extname(output).slice(1)
  const stated = format ?? (isFormat(ofName) ? ofName : otherwise)
  if (!isFormat(stated)) throw new UsageError(`--format: expected ${FORMATS.join(', ')}, got "${stated}"`)
  if (stated === 'parquet' && output === undefined) {
    throw new UsageError('--format parquet: expected --output <file>, since it is not text')
  }
  if (stated === 'table' && output !== undefined) {
    throw new UsageError('--output: expected with --format csv, parquet or json, or a file named so')
  }
  return stated
}

/** What may be read; Infinity = any. */
export const maxBytesOf = ({ 'max-bytes': text, force }: ScanValues): number => {
  if (force === true) return Infinity
  if (text === undefined) return DEFAULT_MAX_BYTES
  const bytes = parseSize(text)
  if (bytes === undefined) throw new UsageError(`--max-bytes: expected a size such as 500MB or 10GB, got "${text}"`)
  return bytes
}

const scanOf = (values: ScanValues, otherwise: Format, nowMs: number): Omit<ScanCommand, 'type' | 'statement'> => {
  const instant = (option: 'from' | 'to'): number | undefined => {
    const text = values[option]
    return text === undefined ? undefined : parseInstant(`--${option}`, text, nowMs)
  }
  const [fromTimeMs, toTimeMs] = [instant('from'), instant('to')]
  if (fromTimeMs !== undefined && toTimeMs !== undefined && fromTimeMs >= toTimeMs) {
    const [from, to] = [fromTimeMs, toTimeMs].map((timeMs) => new Date(timeMs).toISOString())
    throw new UsageError(`--from must be before --to, got from ${from} to ${to}`)
  }
  const format = formatOf(values, otherwise)
  return { markets: values.market ?? [], fromTimeMs, toTimeMs, format, output: values.output, maxBytes: maxBytesOf(values) } // prettier-ignore
}

export const toQuery = (statement: string, values: ScanValues, nowMs: number): ScanCommand => ({
  type: 'query',
  statement: statement.trim().replace(/(?:\s*;)+$/, ''),
  ...scanOf(values, 'table', nowMs),
})

export const toExport = (values: ScanValues, nowMs: number): ScanCommand => {
  const name = values.table ?? 'order_books'
  const table = QUERY_TABLES.find((known) => known.name === name)
  if (table === undefined) {
    throw new UsageError(`--table: expected ${QUERY_TABLES.map((known) => known.name).join(', ')}, got "${name}"`)
  }
  const statement = `select * from ${name} order by ${table.order}`
  return { type: 'export', statement, ...scanOf(values, 'parquet', nowMs) }
}
