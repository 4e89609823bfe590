import type { ClientBase, QueryResultRow } from 'pg'
import { copyStatement, runWithRows, type Copy } from './copy.ts'

/** What a statement can be handed to: a client, or a script that sends it later. Parameters are texts. */
export type StatementTarget = { query: (statement: string, values: string[]) => Promise<unknown> }

/** What `pg.escapeLiteral` gives, which goes by the character: a batch of a megabyte took it longer than Postgres. */
export const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

/** A statement with its parameters written out. */
const inlined = (statement: string, values: string[]): string =>
  statement.replaceAll(/\$(\d+)/g, (placeholder, position: string) => {
    const value = values[Number(position) - 1]
    return value === undefined ? placeholder : literal(value)
  })

type Asked = { at: number; take: (rows: QueryResultRow[]) => void }

export type Script = StatementTarget & {
  /** `take` is given the rows once all of the script is done. One statement an entry: results are told apart by their places. */
  ask: (statement: string, values: string[], take: Asked['take']) => void
  /** Those that have rows. */
  copy: (copies: Copy[]) => void
  send: (client: ClientBase) => Promise<void>
}

/**
 * Statements on whose results no other depends, sent as one text. Each round trip costs a turn of a busy event loop: with seven
 * of them a transaction waited for us two thirds of its time. One that fails ends the text there.
 */
export const createScript = (): Script => {
  const statements: string[] = []
  const asked: Asked[] = []
  const copies: Copy[] = []
  return {
    query: async (statement, values) => {
      statements.push(inlined(statement, values))
    },
    ask: (statement, values, take) => {
      asked.push({ at: statements.length, take })
      statements.push(inlined(statement, values))
    },
    copy: (given) => {
      const some = given.filter(({ lines }) => lines.length > 0)
      copies.push(...some)
      statements.push(...some.map(copyStatement))
    },
    send: async (client) => {
      if (statements.length === 0) return
      const results = await runWithRows(client, statements, copies)
      for (const { at, take } of asked) take(results[at]?.rows ?? [])
    },
  }
}

/** Inside the caller's transaction. */
export const copyAll = async (client: ClientBase, copies: Copy[]): Promise<void> => {
  const script = createScript()
  script.copy(copies)
  await script.send(client)
}

export const copyLines = (client: ClientBase, target: string, lines: string[]): Promise<void> =>
  copyAll(client, [{ target, lines }])
