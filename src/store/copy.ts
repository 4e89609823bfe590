import { once } from 'node:events'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

const LINES_PER_CHUNK = 2_000

/** COPY of text lines into `target`, a table with its columns, inside the caller's transaction. */
export const copyLines = async (client: ClientBase, target: string, lines: string[]): Promise<void> => {
  if (lines.length === 0) return
  const stream = client.query(copyFrom(`copy ${target} from stdin`))
  const finished = new Promise<void>((resolve, reject) => {
    stream.on('finish', resolve)
    stream.on('error', reject)
  })
  for (let at = 0; at < lines.length; at += LINES_PER_CHUNK) {
    if (!stream.write(lines.slice(at, at + LINES_PER_CHUNK).join(''))) {
      await Promise.race([once(stream, 'drain'), finished])
    }
  }
  stream.end()
  await finished
}
