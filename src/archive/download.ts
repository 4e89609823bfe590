import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { shownOrigin } from '../domain/import-origin.ts'
import { beginPart, findPart, forgetPart, keepPart, sizeOf, writePart, type Part } from './download-part.ts'

/** `retryable`: the same call may succeed later. */
class DownloadError extends Error {
  readonly retryable: boolean
  constructor(message: string, retryable: boolean) {
    super(message)
    this.retryable = retryable
  }
}

type Progress = (doneBytes: number) => void
type Target = { url: string; path: string }
/** `total`: bytes of the whole file, undefined where the server does not say. */
type Opened = { part: Part; total: number | undefined; body: AsyncIterable<Uint8Array> }

const isTransient = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500
const RANGE_NOT_SATISFIABLE = 416

/** Compressed on its way, a file has neither its own length nor its own places. */
const AS_IT_IS = { 'accept-encoding': 'identity' }

const ask = async (url: string, part: Part | undefined, signal: AbortSignal): Promise<Response> => {
  const rest =
    part === undefined || part.bytes === 0 ? {} : { range: `bytes=${part.bytes}-`, 'if-range': part.etag ?? '' }
  try {
    return await fetch(url, { signal, headers: { ...AS_IT_IS, ...rest } })
  } catch (error) {
    signal.throwIfAborted()
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : 'no answer'
    throw new DownloadError(`expected ${new URL(url).host} to answer, got: ${cause}`, true)
  }
}

/** Only a strong one says that bytes are the same. */
const etagOf = ({ headers }: Response): string | undefined => {
  const etag = headers.get('etag')
  return etag !== null && etag.startsWith('"') && !isEncoded(headers) ? etag : undefined
}

const isEncoded = (headers: Headers): boolean => (headers.get('content-encoding') ?? 'identity') !== 'identity'

const lengthOf = ({ headers }: Response): number | undefined => {
  const length = headers.get('content-length')
  return length === null || isEncoded(headers) ? undefined : Number(length)
}

/** Of `bytes 5-9/10`, or of none of 10: where the answer begins, and how long the file is. */
const rangeOf = ({ headers }: Response): { start: number | undefined; total: number | undefined } => {
  const [, start, total] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  const number = (text: string | undefined) => (text === undefined || text === '*' ? undefined : Number(text))
  return { start: number(start), total: number(total) }
}

const isOther = (response: Response, { etag }: Part): boolean => {
  const told = response.headers.get('etag')
  return told !== null && told !== etag
}

const beginAnew = async ({ url, path }: Target, part: Part): Promise<never> => {
  await forgetPart(path, part)
  throw new DownloadError(`${shownOrigin(url)} is not what it was: its download begins anew`, true)
}

/** @returns undefined where the part is already the whole file. */
const toOpened = async (target: Target, before: Part | undefined, response: Response): Promise<Opened | undefined> => {
  const { status, body } = response
  const { start, total } = rangeOf(response)
  if (before !== undefined && (status === RANGE_NOT_SATISFIABLE || status === 206)) {
    const isWhole = status === RANGE_NOT_SATISFIABLE && total === before.bytes
    if (isOther(response, before)) return beginAnew(target, before)
    if (isWhole) return undefined
    if (status === RANGE_NOT_SATISFIABLE || start !== before.bytes) return beginAnew(target, before)
  }
  if (!response.ok || body === null) {
    const answer = `expected ${shownOrigin(target.url)} to be a file, the server answered ${status}`
    throw new DownloadError(answer, isTransient(status))
  }
  if (before !== undefined && status === 206) return { part: before, total, body }
  return { part: await beginPart(target.path, etagOf(response), before), total: lengthOf(response), body }
}

/** @returns bytes of the part, with those that were there before. */
const receive = async (url: string, { part, body }: Opened, onProgress: Progress, signal: AbortSignal) => {
  let doneBytes = part.bytes
  const counted = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      doneBytes += chunk.length
      onProgress(doneBytes)
      yield chunk
    }
  }
  try {
    await pipeline(Readable.from(counted(body)), await writePart(part), { signal })
  } catch (error) {
    signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    throw new DownloadError(`the download of ${shownOrigin(url)} ended after ${doneBytes} bytes: ${reason}`, true)
  }
  return doneBytes
}

/**
 * A file of a web server as a local one, which is there whole or not at all. What an earlier try has got is not asked for
 * again, where the server says that it is the same file and can leave it out.
 *
 * @throws DownloadError
 */
export const download = async (target: Target, onProgress: Progress, signal: AbortSignal): Promise<void> => {
  const { url, path } = target
  if ((await sizeOf(path)) > 0) return
  const before = await findPart(path)
  const response = await ask(url, before, signal)
  const opened = await toOpened(target, before, response)
  const { part, total } = opened ?? { part: before, total: before?.bytes }
  if (part === undefined) return
  try {
    const doneBytes = opened === undefined ? part.bytes : await receive(url, opened, onProgress, signal)
    if (await keepPart(path, part, total ?? doneBytes)) return
    throw new DownloadError(`expected ${total ?? doneBytes} bytes of ${shownOrigin(url)}, got ${doneBytes}`, true)
  } finally {
    // Nobody goes on with it.
    if (part.etag === undefined) await forgetPart(path, part)
  }
}
