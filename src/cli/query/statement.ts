import { StatementType, type DuckDBConnection } from '@duckdb/node-api'

/** A column of an answer, with its type in DuckDB. */
export type AnswerColumn = { name: string; type: string }

/**
 * The columns of a statement's answer, found without running it.
 *
 * @throws Error where it is not one query, or names what is not there.
 */
export const checkStatement = async (connection: DuckDBConnection, statement: string): Promise<AnswerColumn[]> => {
  const statements = await connection.extractStatements(statement)
  if (statements.count !== 1) throw new Error(`expected one query, got ${statements.count} statements`)
  const prepared = await statements.prepare(0)
  try {
    if (prepared.statementType !== StatementType.SELECT) throw new Error('expected a query (select …, from …, with …)')
    return Array.from({ length: prepared.columnCount }, (_, index) => ({
      name: prepared.columnName(index),
      type: String(prepared.columnType(index)),
    }))
  } finally {
    prepared.destroySync()
  }
}
