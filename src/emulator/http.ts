import type { IncomingMessage, ServerResponse } from 'node:http'

type Call = {
  url: URL
  /** Groups of the route's pattern. */
  parts: string[]
  body: unknown
}
/** `text` is sent as it is, JSON or not. */
export type Answer = { status: number; text: string; headers?: Record<string, string> }
export type Route = { method: 'GET' | 'POST'; pattern: RegExp; answer: (call: Call) => Answer | Promise<Answer> }

export const json = (value: unknown, status = 200): Answer => ({ status, text: JSON.stringify(value) })
export const failed = (status: number, reason: string): Answer => json({ error: reason }, status)

const MAX_BODY_BYTES = 8 * 1024 * 1024

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const buffer = Buffer.from(chunk)
    bytes += buffer.length
    if (bytes > MAX_BODY_BYTES) throw new Error(`body is over ${MAX_BODY_BYTES} bytes`)
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

const find = async (routes: Route[], request: IncomingMessage): Promise<Answer> => {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  for (const route of routes) {
    const match = route.method === request.method ? route.pattern.exec(url.pathname) : null
    if (match === null) continue
    const text = await readBody(request)
    let body: unknown
    try {
      body = text === '' ? undefined : JSON.parse(text)
    } catch {
      return failed(400, `expected JSON, got ${text.slice(0, 80)}`)
    }
    return await route.answer({ url, parts: match.slice(1), body })
  }
  return failed(404, `no route for ${request.method ?? ''} ${url.pathname}`)
}

/** Answers by the first route that fits; an error becomes a 500 with its message. */
export const respond = async (routes: Route[], request: IncomingMessage, response: ServerResponse): Promise<void> => {
  let answer: Answer
  try {
    answer = await find(routes, request)
  } catch (error) {
    answer = failed(500, error instanceof Error ? error.message : String(error))
  }
  response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
  response.end(answer.text)
}
