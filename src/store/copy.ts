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

type Settled = { resolve: () => void; reject: (error: Error) => void }

/** As `pg` calls what it is given instead of a statement. */
const toQuery = (copies: Copy[], { resolve, reject }: Settled) => ({
  submit: (connection: Connection): void => {
    const { stream } = connection
    stream.cork()
    connection.query(copies.map(({ target }) => `copy ${target} from stdin`).join('; '))
    for (const { lines } of copies) {
      for (let at = 0; at < lines.length; at += LINES_PER_MESSAGE) {
        stream.write(toMessage(lines.slice(at, at + LINES_PER_MESSAGE)))
      }
      stream.write(DONE)
    }
    stream.uncork()
  },
  handleCopyInResponse: (): void => undefined,
  handleCommandComplete: (): void => undefined,
  handleReadyForQuery: resolve,
  handleError: reject,
})

/**
 * COPY into some tables, one after the other, inside the caller's transaction. The rows are sent behind the statements,
 * without waiting to be asked for them, which would cost two turns of a busy event loop a table: Postgres reads them when it
 * comes to them, and drops them where it refuses a statement.
 */
export const copyAll = async (client: ClientBase, given: Copy[]): Promise<void> => {
  const copies = given.filter(({ lines }) => lines.length > 0)
  if (copies.length === 0) return
  await new Promise<void>((resolve, reject) => {
    client.query(toQuery(copies, { resolve, reject }))
  })
}

export const copyLines = (client: ClientBase, target: string, lines: string[]): Promise<void> =>
  copyAll(client, [{ target, lines }])
