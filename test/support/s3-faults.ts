import { once } from 'node:events'
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * `status_500`: refused before S3 sees it. `slow_down`: the same as 503. `timeout`: never answered. `held`: answered
 * after `heal`. `cut_body`: the
 * connection breaks in the middle of the answer. `stall_body`: the answer stops there and the connection stays.
 * `lost_answer`: S3 did it, and the connection breaks before it says so. `truncated_upload`: S3 gets half of the body,
 * and both connections break. `flipped_upload`: one bit of what S3 gets is another. `flipped_bit`: one of what comes back.
 */
export type S3Fault =
  | 'status_500'
  | 'slow_down'
  | 'timeout'
  | 'held'
  | 'cut_body'
  | 'stall_body'
  | 'lost_answer'
  | 'truncated_upload'
  | 'flipped_upload'
  | 'flipped_bit'

type Call = { method: string; path: string }

export type S3Faults = AsyncDisposable & {
  port: number
  /** The next calls that match, `times` of them, meet the fault. */
  fail: (fault: S3Fault, matches: (call: Call) => boolean, times?: number) => void
  /** Faults end; what was held goes on. */
  heal: () => void
  /** How many calls met a fault. */
  failures: () => number
  /** Everything that was asked, as `PUT /archive/a?partNumber=1`. */
  calls: () => string[]
}

export const isPart = ({ method, path }: Call): boolean => method === 'PUT' && path.includes('partNumber=')
export const isGet = ({ method, path }: Call): boolean => method === 'GET' && !path.includes('?list-type')
/** The call that makes the object visible: `POST …?uploadId=`. */
export const isComplete = ({ method, path }: Call): boolean => method === 'POST' && path.includes('uploadId=')

type Rule = { fault: S3Fault; matches: (call: Call) => boolean; left: number }

const bodyOf = async (stream: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const half = (body: Buffer): Buffer => body.subarray(0, body.length >> 1)

const flipped = (body: Buffer): Buffer => {
  const other = Buffer.from(body)
  const at = other.length >> 1
  other[at] = (other[at] ?? 0) ^ 1
  return other
}

type Sent = { body: Buffer; isCut: boolean }

/** The same call with the same headers, so that its signature still fits. */
const forward = async (from: IncomingMessage, port: number, { body, isCut }: Sent): Promise<IncomingMessage> => {
  const headers = { ...from.headers, 'content-length': String(body.length) }
  const call = ask({ host: '127.0.0.1', port, method: from.method, path: from.url, headers })
  if (isCut) call.write(half(body), () => call.destroy())
  else call.end(body)
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  return answer
}

const refuse = (to: ServerResponse, status: number, code: string): void => {
  to.writeHead(status, { 'content-type': 'application/xml' })
  to.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>by the test</Message></Error>`)
}

/** Between the S3 client of the product and a real S3 server: HTTP, whole bodies in memory. */
export const openS3Faults = async (targetPort: number): Promise<S3Faults> => {
  let rules: Rule[] = []
  let failureCount = 0
  let healed = new AbortController()
  const calls: string[] = []

  const take = (call: Call): S3Fault | undefined => {
    const rule = rules.find((one) => one.left > 0 && one.matches(call))
    if (rule === undefined) return undefined
    rule.left -= 1
    failureCount += 1
    return rule.fault
  }

  const pass = async (from: IncomingMessage, to: ServerResponse, fault: S3Fault | undefined): Promise<void> => {
    const sent = await bodyOf(from)
    const answer = await forward(from, targetPort, {
      body: fault === 'flipped_upload' ? flipped(sent) : sent,
      isCut: fault === 'truncated_upload',
    })
    const body = await bodyOf(answer)
    if (fault === 'lost_answer') return void to.destroy()
    to.writeHead(answer.statusCode ?? 500, answer.headers)
    if (fault !== 'cut_body' && fault !== 'stall_body')
      return void to.end(fault === 'flipped_bit' ? flipped(body) : body)
    to.write(half(body), () => (fault === 'cut_body' ? to.destroy() : undefined))
  }

  const meet = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const call = { method: from.method ?? '', path: from.url ?? '' }
    calls.push(`${call.method} ${call.path}`)
    const fault = take(call)
    if (fault === 'timeout') return void from.resume()
    if (fault === 'status_500' || fault === 'slow_down') {
      from.resume()
      return fault === 'status_500' ? refuse(to, 500, 'InternalError') : refuse(to, 503, 'SlowDown')
    }
    if (fault === 'held' && !healed.signal.aborted) await once(healed.signal, 'abort')
    await pass(from, to, fault)
  }

  const server = createServer((from, to) => {
    meet(from, to).catch(() => to.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    fail: (fault, matches, times = 1) => void rules.push({ fault, matches, left: times }),
    heal: () => {
      rules = []
      healed.abort()
      healed = new AbortController()
    },
    failures: () => failureCount,
    calls: () => [...calls],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
