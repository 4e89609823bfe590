import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

/** One frame as sent, in order; the ground truth of kill tests. `t` is epoch ms. */
type LoggedFrame = { t: number; connection: number; tokens: string[]; text: string }
export type FrameLog = AsyncDisposable & { write(frame: LoggedFrame): void }

/** JSON lines, appended. */
export const openFrameLog = (path: string): FrameLog => {
  const stream = createWriteStream(path, { flags: 'a' })
  return {
    write: (frame) => void stream.write(`${JSON.stringify(frame)}\n`),
    [Symbol.asyncDispose]: async () => {
      stream.end()
      await finished(stream)
    },
  }
}
