import pg, { type ClientBase, type Connection, type QueryResult } from 'pg'

const LINES_PER_MESSAGE = 2_000
const HEADER_BYTES = 5
/** The message `c`, of no content. */
const DONE = Buffer.from([0x63, 0, 0, 0, 4])

/** The message `d`: its kind, how long what follows is with that length, the rows. */
const toMessage = (lines: string[]): Buffer => {
  const text = lines.join('')
  const byteCount = Buffer.byteLength(text)
  const message = Buffer.allocUnsafe(HEADER_BYTES + byteCount)
  message.write('d')
  message.writeInt32BE(byteCount + 4, 1)
  message.write(text, HEADER_BYTES)
  return message
}

/** Lines of COPY's text format, and a table with its columns. */
export type Copy = { target: string; lines: string[] }

const sendRows = ({ stream }: Connection, copies: Copy[]): void => {
  for (const { lines } of copies) {
    for (let at = 0; at < lines.length; at += LINES_PER_MESSAGE) {
      stream.write(toMessage(lines.slice(at, at + LINES_PER_MESSAGE)))
    }
    stream.write(DONE)
  }
}

type Told = (error: Error | undefined, results: QueryResult | QueryResult[]) => void

/** A query of `pg`'s that sends the rows of its COPYs right behind its text. */
const newQuery = (text: string, copies: Copy[], onTold: Told): pg.Query => {
  const query = new pg.Query(text, onTold)
  const submit = query.submit.bind(query)
  return Object.assign(query, {
    submit: (connection: Connection): void => {
      connection.stream.cork()
      try {
        submit(connection)
        sendRows(connection, copies)
      } finally {
        connection.stream.uncork()
      }
    },
    // Postgres asks for rows that are on their way.
    handleCopyInResponse: (): void => undefined,
  })
}

export const copyStatement = ({ target }: Copy): string => `copy ${target} from stdin`

/**
 * Statements, COPYs among them, as one message. Their rows are sent behind the statements, without waiting to be asked for
 * them, which would cost two turns of a busy event loop a table: Postgres reads them when it comes to them, and drops them
 * where it refuses a statement.
 *
 * @param copies those that the statements name, in their order.
 * @returns a result a statement, in their order.
 */
export const runWithRows = (client: ClientBase, statements: string[], copies: Copy[]): Promise<QueryResult[]> =>
  new Promise((resolve, reject) => {
    const onTold: Told = (error, results) => {
      if (error) reject(error)
      else resolve(Array.isArray(results) ? results : [results])
    }
    client.query(newQuery(statements.join(';\n'), copies, onTold))
  })
