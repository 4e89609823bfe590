import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Options = {
  /** The first answer stops after so many bytes; absent: in the middle. */
  stopAfterBytes?: number
  /** Tells no version of the file. */
  isUnversioned?: boolean
  /** Gives the rest of whatever it has, though it was asked for the rest of something else. */
  isCareless?: boolean
}

/** Serves one file, or the rest of it; the first answer stops and does not end. */
export type RangeServer = AsyncDisposable & {
  url: string
  /** Header `range` of each request; '' for all of the file. */
  asked: string[]
  /** From now on the address has another file. */
  replace: (content: Buffer) => void
}

export const openRangeServer = async (first: Buffer, options: Options = {}): Promise<RangeServer> => {
  const asked: string[] = []
  let content = first
  const { isUnversioned = false, isCareless = false } = options
  const etag = (): string => `"${createHash('sha256').update(content).digest('hex')}"`
  const send = (response: ServerResponse, start: number | undefined): void => {
    const { length } = content
    const version = isUnversioned ? {} : { etag: etag() }
    if (start !== undefined && start >= length) {
      response.writeHead(416, { ...version, 'content-range': `bytes */${length}` }).end()
      return
    }
    const rest = content.subarray(start)
    const range = start === undefined ? {} : { 'content-range': `bytes ${start}-${length - 1}/${length}` }
    response.writeHead(start === undefined ? 200 : 206, { ...version, ...range, 'content-length': rest.length })
    if (asked.length === 1) response.write(rest.subarray(0, options.stopAfterBytes ?? Math.floor(length / 2)))
    else response.end(rest)
  }
  const server = createServer((request: IncomingMessage, response) => {
    const { range = '', 'if-range': version } = request.headers
    asked.push(range)
    const isSame = isCareless || version === undefined || (!isUnversioned && version === etag())
    const start = isSame ? /^bytes=(\d+)-$/.exec(range)?.[1] : undefined
    send(response, start === undefined ? undefined : Number(start))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/polymarket_orderbook_2026-04-20T13.parquet`,
    asked,
    replace: (next) => {
      content = next
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
