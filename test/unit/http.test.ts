import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { promisify } from 'node:util'
import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { marketsHook } from '../../src/http/markets-hook.ts'
import { openHttpServer, type HttpServer } from '../../src/http/server.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { REPLAY_WINDOW_MS, signatureHeaders } from '../../src/lib/webhook-signature.ts'

const SECRET = 'a secret of the test'
const log = createLog('test', 'silent')
let server: HttpServer | undefined
afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

/** The hook on a server of its own; `nowMs` is the hook's clock. */
const open = async (more: { secret?: string | undefined; isFull?: boolean } = { secret: SECRET }) => {
  const wanted: string[] = []
  const clock = { nowMs: Date.now() }
  const stats = createStats()
  const want = (marketId: string): boolean => {
    if (more.isFull !== true) wanted.push(marketId)
    return more.isFull !== true
  }
  const hook = marketsHook({ secret: more.secret, want, stats, now: () => clock.nowMs })
  const route = { method: 'GET' as const, path: '/broken', answer: () => Promise.reject(new Error('of the test')) }
  server = await openHttpServer({ host: '127.0.0.1', port: 0, routes: [hook, route], log })
  return { wanted, clock, stats, url: `${server.url}/hooks/markets` }
}

type Given = { body: string; timestampMs?: number; secret?: string; headers?: Record<string, string> }

const post = async (url: string, { body, timestampMs = Date.now(), secret = SECRET, headers }: Given) => {
  const signed = headers ?? signatureHeaders({ timestampMs, body, secret })
  const response = await fetch(url, { method: 'POST', body, headers: signed })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

const BODY = '{"markets":["516710","7","7"]}'

describe('POST /hooks/markets', () => {
  test('takes a signed call once, each market once', async () => {
    const { url, wanted, stats } = await open()
    const timestampMs = Date.now()
    expect(await post(url, { body: BODY, timestampMs })).toMatchObject({ status: 202, text: '{"accepted":2}\n' })
    expect(wanted).toEqual(['516710', '7'])
    expect(await post(url, { body: BODY, timestampMs })).toMatchObject({ status: 409 })
    expect(await post(url, { body: BODY, timestampMs: timestampMs + 1 })).toMatchObject({ status: 202 })
    expect(stats.read()).toEqual({ hooksAccepted: 2, hooksRefused: 1 })
  })

  test('refuses a replay for as long as its timestamp would be taken, and by the timestamp afterwards', async () => {
    const { url, clock, wanted } = await open()
    const timestampMs = clock.nowMs + REPLAY_WINDOW_MS
    expect((await post(url, { body: BODY, timestampMs })).status).toBe(202)
    clock.nowMs = timestampMs + REPLAY_WINDOW_MS
    expect((await post(url, { body: BODY, timestampMs })).status).toBe(409)
    clock.nowMs += 1
    expect(await post(url, { body: BODY, timestampMs })).toMatchObject({ status: 401 })
    expect(wanted).toHaveLength(2)
  })

  test('refuses what is not signed with the secret, and says what it expected', async () => {
    const { url, wanted } = await open()
    expect(await post(url, { body: BODY, headers: {} })).toMatchObject({ status: 401, text: expect.stringContaining('x-polytape-signature') as string }) // prettier-ignore
    expect((await post(url, { body: BODY, secret: 'another secret of the test' })).status).toBe(401)
    expect((await post(url, { body: BODY, timestampMs: Date.now() - REPLAY_WINDOW_MS - 1_000 })).status).toBe(401)
    const headers = signatureHeaders({ timestampMs: Date.now(), body: BODY, secret: SECRET })
    expect((await post(url, { body: `${BODY} `, headers })).status).toBe(401)
    expect(wanted).toEqual([])
  })

  test.each(['', '{"markets":', '{"markets":[]}', '{"markets":[7]}', '{"markets":["slug"]}', '{"ids":["7"]}', '["7"]'])(
    'refuses the signed body %s',
    async (body) => {
      const { url, wanted } = await open()
      expect(await post(url, { body })).toMatchObject({ status: 400, text: expect.stringContaining('expected') as string }) // prettier-ignore
      expect(wanted).toEqual([])
    },
  )

  test('is off without a secret, and says so', async () => {
    const { url } = await open({})
    expect(await post(url, { body: BODY })).toMatchObject({ status: 503, text: expect.stringContaining('HOOKS_SECRET is not set') as string }) // prettier-ignore
  })

  test('asks to come again while too many markets wait', async () => {
    const { url } = await open({ secret: SECRET, isFull: true })
    const answer = await post(url, { body: BODY })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('10')
  })
})

/** The body comes in pieces, without a length. */
const stream = (url: string, bytes: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on('error', reject)
    for (let at = 0; at < bytes; at += 1_024) sent.write('x'.repeat(1_024))
    sent.end()
  })

describe('the HTTP server', () => {
  test('knows its paths and methods', async () => {
    const { url } = await open()
    expect(await post(url.replace('hooks', 'hook'), { body: BODY })).toMatchObject({ status: 404 })
    const wrong = await fetch(url)
    expect([wrong.status, wrong.headers.get('allow'), await wrong.text()]).toEqual([405, 'POST', '{"error":"expected POST, got GET"}\n']) // prettier-ignore
    expect((await post(`${url}?from=me`, { body: BODY })).status).toBe(202)
  })

  test('reads no more than 64 KiB, whether or not it is told the length', async () => {
    const { url } = await open()
    const markets = Array.from({ length: 64 * 1024 }, () => '7').join('')
    expect((await post(url, { body: markets.slice(0, 64 * 1024) })).status).toBe(400)
    expect((await post(url, { body: `${markets}7` })).status).toBe(413)
    expect(await stream(url, 65 * 1024)).toBe(413)
  })

  test('answers 500 without the reason where something is broken, and goes on', async () => {
    const { url } = await open()
    const broken = await fetch(url.replace('/hooks/markets', '/broken'))
    expect(broken.status).toBe(500)
    expect(await broken.text()).not.toContain('of the test')
    expect((await post(url, { body: BODY })).status).toBe(202)
  })

  test('survives callers that break off or talk nonsense, and cuts off the slow ones', async () => {
    const { url } = await open()
    const { port } = new URL(url)
    const nonsense = connect(Number(port), '127.0.0.1')
    nonsense.write('NONSENSE\r\n\r\n')
    const slow = connect(Number(port), '127.0.0.1')
    slow.write('POST /hooks/markets HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"mar')
    const broken = connect(Number(port), '127.0.0.1')
    broken.write('POST /hooks/markets HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"mar')
    setTimeout(() => broken.destroy(), 50)
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      slow.on('data', (chunk) => (text += chunk.toString()))
      slow.on('close', () => resolve(text))
    })
    expect(answer).toContain('408')
    expect((await post(url, { body: BODY })).status).toBe(202)
    nonsense.destroy()
  })

  test('takes another port where its own is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    server = await openHttpServer({ host: '127.0.0.1', port, routes: [], log })
    expect(new URL(server.url).port).not.toBe(String(port))
    expect((await fetch(server.url)).status).toBe(404)
    taken.close()
  })
})

test('takes the call of the manual, as it stands there', async () => {
  const { url, wanted } = await open()
  const manual = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8')
  const example = /```bash\nurl=.*?\n(body=[^]*?)```/.exec(manual)?.[1] ?? ''
  expect(example).toContain('openssl')
  const script = `url=${new URL(url).origin}\n${example}`
  const { stdout } = await promisify(execFile)('bash', ['-c', script], {
    env: { ...process.env, HOOKS_SECRET: SECRET },
  })
  expect(stdout).toBe('{"accepted":1}\n')
  expect(wanted).toEqual(['516710'])
})
