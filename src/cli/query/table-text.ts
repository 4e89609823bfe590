import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { fit, lengthOf, type Palette } from '../polytape/paint.ts'

const SHOWN_ROWS = 1_000
const WIDEST_CELL = 80
const NUMBER = /^(?:DECIMAL|DOUBLE|FLOAT|U?(?:TINY|SMALL|BIG|HUGE)?INT|INTEGER|UINTEGER)/

const cellText = (value: DuckDBValue): string => (value === null ? '' : String(value).replace(/\s+/g, ' '))

export type AnswerTable = { names: string[]; isNumber: boolean[]; rows: string[][]; isCut: boolean }

/** The first rows of an answer as texts. */
export const readTable = async (connection: DuckDBConnection, statement: string): Promise<AnswerTable> => {
  const reader = await connection.streamAndReadUntil(statement, SHOWN_ROWS + 1)
  const rows = reader.getRows()
  return {
    names: reader.columnNames(),
    isNumber: reader.columnTypes().map((type) => NUMBER.test(String(type))),
    rows: rows.slice(0, SHOWN_ROWS).map((row) => row.map(cellText)),
    isCut: rows.length > SHOWN_ROWS,
  }
}

/** Aligned columns under their names, numbers to the right, nulls empty. */
export const tableText = ({ names, isNumber, rows, isCut }: AnswerTable, palette: Palette): string => {
  const widths = names.map((name, column) =>
    Math.min(
      WIDEST_CELL,
      rows.reduce((widest, row) => Math.max(widest, lengthOf(row[column] ?? '')), lengthOf(name)),
    ),
  )
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return isNumber[column] === true ? text.padStart(width) : fit(text, width)
  }
  const lineOf = (cells: string[]): string => cells.map(cell).join('  ').trimEnd()
  const count = `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`
  const end = isCut ? `the first ${count}; all of them: --format csv, json or parquet` : count
  return `${[palette.strong(lineOf(names)), ...rows.map(lineOf), palette.faint(`(${end})`)].join('\n')}\n`
}
