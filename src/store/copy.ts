import type { ClientBase, Connection } from 'pg'

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

type Settled = { resolve: (answer: string | undefined) => void; reject: (error: Error) => void }

const send = (connection: Connection, statements: string[], copies: Copy[]): void => {
  const { stream } = connection
  stream.cork()
  connection.query([...statements, ...copies.map(({ target }) => `copy ${target} from stdin`)].join(';\n'))
  for (const { lines } of copies) {
    for (let at = 0; at < lines.length; at += LINES_PER_MESSAGE) {
      stream.write(toMessage(lines.slice(at, at + LINES_PER_MESSAGE)))
    }
    stream.write(DONE)
  }
  stream.uncork()
}

/** As `pg` calls what it is given instead of a statement. */
const toQuery = (statements: string[], copies: Copy[], { resolve, reject }: Settled) => {
  let answer: string | undefined
  return {
    submit: (connection: Connection): void => send(connection, statements, copies),
    handleRowDescription: (): void => undefined,
    handleDataRow: ({ fields }: { fields: (string | null)[] }): void => {
      answer ??= fields[0] ?? undefined
    },
    handleCopyInResponse: (): void => undefined,
    handleCommandComplete: (): void => undefined,
    handleEmptyQuery: (): void => undefined,
    handleReadyForQuery: (): void => resolve(answer),
    handleError: reject,
  }
}

/**
 * Statements, then COPY into some tables, one after the other, as one message. The rows are sent behind the statements,
 * without waiting to be asked for them, which would cost two turns of a busy event loop a table: Postgres reads them when it
 * comes to them, and drops them where it refuses a statement.
 *
 * @returns the first field of the first row that the statements give.
 */
export const copyAfter = (client: ClientBase, statements: string[], given: Copy[]): Promise<string | undefined> => {
  const copies = given.filter(({ lines }) => lines.length > 0)
  return new Promise((resolve, reject) => {
    client.query(toQuery(statements, copies, { resolve, reject }))
  })
}

/** Inside the caller's transaction. */
export const copyAll = async (client: ClientBase, copies: Copy[]): Promise<void> => {
  if (copies.some(({ lines }) => lines.length > 0)) await copyAfter(client, [], copies)
}

export const copyLines = (client: ClientBase, target: string, lines: string[]): Promise<void> =>
  copyAll(client, [{ target, lines }])
