import { literal } from '../../archive/duckdb.ts'
import type { QueryTable } from './tables.ts'

/** Which rows are asked for, whatever the statement says; `undefined` = all. Instants: from <= t < to. */
export type Scope = {
  markets: { marketIds: string[]; outcomeIds: string[] } | undefined
  fromTimeMs: number | undefined
  toTimeMs: number | undefined
}

const oneOf = (column: string, texts: string[]): string => `${column} in (${texts.map(literal).join(', ')})`
const time = (timeMs: number): string => `timestamptz ${literal(new Date(timeMs).toISOString())}`

const marketConditions = ({ outcome }: QueryTable, { markets }: Scope): string[] => {
  if (markets === undefined) return []
  const ofMarket = oneOf('market_id', markets.marketIds)
  const ofOutcome = oneOf('outcome_id', markets.outcomeIds)
  switch (outcome) {
    case 'always':
      return [ofMarket, ofOutcome]
    case 'sometimes':
      return [ofMarket, `(outcome_id is null or ${ofOutcome})`]
    case 'never':
      return [ofMarket]
  }
}

const timeConditions = (table: QueryTable, { fromTimeMs, toTimeMs }: Scope): string[] => {
  if (table.time === undefined) return []
  const { begins, ends } =
    table.time.type === 'instant'
      ? { begins: table.time.column, ends: `${table.time.column} >=` }
      : { begins: table.time.from, ends: `coalesce(${table.time.to}, 'infinity') >` }
  return [
    ...(fromTimeMs === undefined ? [] : [`${ends} ${time(fromTimeMs)}`]),
    ...(toTimeMs === undefined ? [] : [`${begins} < ${time(toTimeMs)}`]),
  ]
}

/** The scope as a condition that Postgres and DuckDB read alike, and that both push down to what they need not read. */
export const conditionOf = (table: QueryTable, scope: Scope): string =>
  [...marketConditions(table, scope), ...timeConditions(table, scope)].join(' and ') || 'true'
