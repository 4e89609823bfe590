import type { ClientBase } from 'pg'

/** What a statement can be handed to: a client, or a script that sends it later. Parameters are texts. */
export type StatementTarget = { query: (statement: string, values: string[]) => Promise<unknown> }

/** What `pg.escapeLiteral` gives, which goes by the character: a batch of a megabyte took it longer than Postgres. */
export const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted
}

const inlined = (statement: string, values: string[]): string =>
  statement.replaceAll(/\$(\d+)/g, (placeholder, position: string) => {
    const value = values[Number(position) - 1]
    return value === undefined ? placeholder : literal(value)
  })

/**
 * Statements whose results nobody needs, sent as one text. Each round trip costs a turn of a busy event loop: with seven
 * of them a transaction waited for us two thirds of its time. One that fails ends the text there.
 */
export const createScript = (): StatementTarget & { send: (client: ClientBase) => Promise<void> } => {
  const statements: string[] = []
  return {
    query: async (statement, values) => {
      statements.push(inlined(statement, values))
    },
    send: async (client) => {
      await client.query(statements.join(';\n'))
    },
  }
}
