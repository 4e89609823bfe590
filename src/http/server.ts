import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from '../lib/log.ts'

/** `header` answers undefined for one that was not sent; of several the first counts. */
export type Call = { body: string; header: (name: string) => string | undefined }
export type Answer = { status: number; body: object | string; headers?: Record<string, string> }
export type Route = { method: 'GET' | 'POST'; path: string; answer: (call: Call) => Answer | Promise<Answer> }

export const refused = (status: number, reason: string, headers: Record<string, string> = {}): Answer => ({
  status,
  body: { error: reason },
  headers,
})

const MOST_BODY_BYTES = 64 * 1024
const TOO_LARGE = refused(413, `the body may hold ${MOST_BODY_BYTES} bytes`, { connection: 'close' })
const HEADERS_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 5_000
const KEEP_ALIVE_MS = 5_000
const MOST_HEADER_BYTES = 16 * 1024
const MOST_CONNECTIONS = 100

/** Undefined where the body is too large: the rest of it is not read. */
const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BODY_BYTES) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk)
    bytes += buffer.length
    if (bytes > MOST_BODY_BYTES) return undefined
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const headerOf =
  (request: IncomingMessage) =>
  (name: string): string | undefined => {
    const value = request.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

const find = async (routes: Route[], request: IncomingMessage): Promise<Answer> => {
  const [path = '/'] = (request.url ?? '/').split('?')
  const there = routes.filter((route) => route.path === path)
  if (there.length === 0) return refused(404, `nothing is at ${path.slice(0, 200)}`)
  const route = there.find(({ method }) => method === request.method)
  if (route === undefined) {
    const allow = there.map(({ method }) => method).join(', ')
    return refused(405, `expected ${allow}, got ${request.method ?? ''}`, { allow })
  }
  const body = await readBody(request)
  return body === undefined ? TOO_LARGE : route.answer({ body, header: headerOf(request) })
}

const send = (response: ServerResponse, { status, body, headers }: Answer): void => {
  const isText = typeof body === 'string'
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json'
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers })
  response.end(isText ? body : `${JSON.stringify(body)}\n`)
}

const respond = async (routes: Route[], request: IncomingMessage, response: ServerResponse, log: Logger) => {
  try {
    send(response, await find(routes, request))
  } catch (error) {
    // Whoever broke off hears no answer.
    if (request.errored !== null || response.destroyed) return
    log.error({ error, path: request.url }, 'a call could not be answered')
    send(response, refused(500, 'the call could not be answered; the log says why'))
  }
}

type Place = { host: string; port: number }

const listen = (server: Server, { host, port }: Place): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(address === null || typeof address === 'string' ? port : address.port)
    })
  })

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

/** A port that somebody has is no reason not to run: a free one is taken. */
const listenSomewhere = async (server: Server, place: Place, log: Logger): Promise<number> => {
  try {
    return await listen(server, place)
  } catch (error) {
    if (!isTaken(error)) throw error
    const port = await listen(server, { ...place, port: 0 })
    log.warn(`port ${place.port} is taken; listening on ${port} instead`)
    return port
  }
}

export type HttpServer = AsyncDisposable & { url: string }

type Deps = Place & { routes: Route[]; log: Logger }

/**
 * Answers by a table of routes: 404, 405 and 413 by itself, slow callers are cut off after 5 s.
 *
 * @throws Error where the host is none of this machine.
 */
export const openHttpServer = async ({ routes, log, ...place }: Deps): Promise<HttpServer> => {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: MOST_HEADER_BYTES,
    },
    (request, response) => void respond(routes, request, response, log),
  )
  server.maxConnections = MOST_CONNECTIONS
  const port = await listenSomewhere(server, place, log)
  server.on('error', (error) => log.warn({ error }, 'the HTTP server had an error'))
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  return {
    url: `http://${host}:${port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
