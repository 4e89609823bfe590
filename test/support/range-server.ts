import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Serves one file, or the rest of it; the first answer stops in the middle. */
export type RangeServer = AsyncDisposable & {
  url: string
  /** Header `range` of each request; '' for all of the file. */
  asked: string[]
}

export const openRangeServer = async (content: Buffer): Promise<RangeServer> => {
  const asked: string[] = []
  const send = (response: ServerResponse, from: number): void => {
    const rest = content.subarray(from)
    response.writeHead(from === 0 ? 200 : 206, { 'content-length': rest.length })
    if (asked.length === 1) response.write(rest.subarray(0, Math.floor(rest.length / 2)))
    else response.end(rest)
  }
  const server = createServer((request, response) => {
    const range = request.headers.range ?? ''
    asked.push(range)
    send(response, Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? '0'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/polymarket_orderbook_2026-04-20T13.parquet`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
