import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'

/** The venue's own tape: every frame once, before any fault and whoever listens; whole books at its start. */
export const VENUE_TAPE = 0
/** Books as REST answered them. */
export const REST_ANSWERS = -1

/** One text in the order in which all were made; the ground truth of fault tests. `t` is epoch ms. */
type LoggedFrame = { t: number; connection: number; tokens: string[]; text: string }
export type FrameLog = AsyncDisposable & {
  write(frame: LoggedFrame): void
  /** Resolves when all that was written so far is in the file. */
  flushed(): Promise<void>
}

/** JSON lines, appended. */
export const openFrameLog = (path: string): FrameLog => {
  const stream = createWriteStream(path, { flags: 'a' })
  return {
    write: (frame) => void stream.write(`${JSON.stringify(frame)}\n`),
    flushed: () => new Promise((resolve, reject) => stream.write('', (error) => (error ? reject(error) : resolve()))),
    [Symbol.asyncDispose]: async () => {
      stream.end()
      await finished(stream)
    },
  }
}
