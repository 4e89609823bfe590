import { createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { shownOrigin } from '../domain/import-origin.ts'

/** `retryable`: the same call may succeed later. */
class DownloadError extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.retryable = retryable
  }
}

type Progress = (doneBytes: number) => void

const sizeOf = async (path: string): Promise<number> => {
  try {
    return (await stat(path)).size
  } catch {
    return 0
  }
}

const isTransient = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500
const RANGE_NOT_SATISFIABLE = 416

/** Total bytes that the server promises; undefined where it does not. */
const promisedBytes = (response: Response, startBytes: number): number | undefined => {
  const length = response.headers.get('content-length')
  return length === null ? undefined : startBytes + Number(length)
}

const open = async (url: string, startBytes: number, signal: AbortSignal): Promise<Response> => {
  try {
    return await fetch(url, { signal, headers: startBytes === 0 ? {} : { range: `bytes=${startBytes}-` } })
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new DownloadError(`expected ${new URL(url).host} to answer, got: ${cause}`, true)
  }
}

/**
 * A file of a web server as a local one, which is there whole or not at all. What an earlier try has got is not asked for
 * again, where the server can leave it out.
 *
 * @throws DownloadError
 */
export const download = async (
  { url, path }: { url: string; path: string },
  onProgress: Progress,
  signal: AbortSignal,
): Promise<void> => {
  if ((await sizeOf(path)) > 0) return
  const partial = `${path}.part`
  const before = await sizeOf(partial)
  const response = await open(url, before, signal)
  if (response.status === RANGE_NOT_SATISFIABLE && before > 0) return rename(partial, path)
  if (!response.ok || response.body === null) {
    const answer = `expected ${shownOrigin(url)} to be a file, the server answered ${response.status}`
    throw new DownloadError(answer, isTransient(response.status))
  }
  const startBytes = response.status === 206 ? before : 0
  const promised = promisedBytes(response, startBytes)
  let doneBytes = startBytes
  const counted = async function* (body: AsyncIterable<Uint8Array>) {
    for await (const chunk of body) {
      doneBytes += chunk.length
      onProgress(doneBytes)
      yield chunk
    }
  }
  try {
    await pipeline(
      Readable.from(counted(response.body)),
      createWriteStream(partial, { flags: startBytes === 0 ? 'w' : 'a' }),
      { signal },
    )
  } catch (error) {
    signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    throw new DownloadError(`the download of ${shownOrigin(url)} ended after ${doneBytes} bytes: ${reason}`, true)
  }
  if (promised !== undefined && doneBytes !== promised) {
    throw new DownloadError(`expected ${promised} bytes of ${shownOrigin(url)}, got ${doneBytes}`, true)
  }
  await rename(partial, path)
}
