import { readFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { openClient, until } from './emulator-receiver.ts'

const post = async (emulator: Emulator, path: string, body: unknown = {}): Promise<number> => {
  const response = await fetch(`${emulator.urls.control}/${path}`, { method: 'POST', body: JSON.stringify(body) })
  return response.status
}

const openOne = async (options = {}) => {
  const emulator = await openEmulator({ marketCount: 1, rate: 0, tradeShare: 0, ...options })
  const tokens = emulator.catalogue.markets[0]!.tokens.map(({ token }) => token)
  const client = await openClient(emulator.urls.ws)
  await client.subscribe(tokens)
  const changes = async (): Promise<string[]> => {
    await client.settle()
    return client.texts.filter((text) => text.includes('price_changes'))
  }
  const close = async (): Promise<void> => {
    client[Symbol.dispose]()
    await emulator[Symbol.asyncDispose]()
  }
  return { emulator, tokens, client, changes, [Symbol.asyncDispose]: close }
}

test('frames are dropped, doubled and swapped as asked, and the ledger keeps what was done', async () => {
  await using intact = await openOne()
  intact.emulator.step(20)
  const shapeOf = (text: string): string => JSON.stringify(text.match(/"(price|size|side)":"[^"]+"/g))
  const all = (await intact.changes()).map(shapeOf)
  for (const [fault, expected] of [
    ['drop', all.slice(2)],
    ['duplicate', [all[0], all[0], all[1], all[1], ...all.slice(2)]],
    ['swap', [all[1], all[0], all[3], all[2], ...all.slice(4)]],
  ] as const) {
    await using one = await openOne()
    expect(await post(one.emulator, `${fault}-next`, { token: one.tokens[1], count: 2 })).toBe(200)
    one.emulator.step(20)
    expect((await one.changes()).map(shapeOf)).toEqual(expected)
    const { faults } = one.emulator.ledger(one.tokens[0])
    const each = fault === 'swap' ? ['hold', 'swap'] : [fault]
    expect(faults.map((done) => done.type)).toEqual([...each, ...each])
    expect(faults[0]?.tokens.toSorted()).toEqual(one.tokens.toSorted())
  }
})

test('a muted token is silent on connections of then, its pair is not, PONG comes, a new connection hears it', async () => {
  await using one = await openOne()
  const [muted, other] = one.tokens
  await post(one.emulator, 'mute', { token: muted })
  using later = await openClient(one.emulator.urls.ws)
  await later.subscribe([muted!])
  one.emulator.step(30)
  const texts = await one.changes()
  expect(texts.length).toBeGreaterThan(20)
  expect(texts.filter((text) => text.includes(muted!))).toEqual([])
  expect(texts.every((text) => text.includes(other!))).toBe(true)
  await later.settle()
  expect(later.texts.filter((text) => text.includes('price_changes')).every((text) => text.includes(muted!))).toBe(true)
  const entry = one.emulator.ledger(muted).tokens[0]
  expect(entry?.byConnection['1']).toMatchObject({ changed: 0, unchanged: 0 })
  expect(entry?.byConnection['2']?.changed).toBeGreaterThan(10)
})

test('withheld snapshots never come; REST still answers the book', async () => {
  await using emulator = await openEmulator({ marketCount: 1, rate: 0 })
  const tokens = emulator.catalogue.markets[0]!.tokens.map(({ token }) => token)
  await post(emulator, 'withhold-snapshots', { tokens: [tokens[0]] })
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokens)
  expect(client.texts[0]).toContain(`"asset_id":"${tokens[1]}"`)
  expect(client.texts[0]).not.toContain(`"asset_id":"${tokens[0]}"`)
  expect((await fetch(`${emulator.urls.clob}/book?token_id=${tokens[0]}`)).status).toBe(200)
  expect(emulator.ledger().faults).toMatchObject([{ type: 'withhold', tokens: [tokens[0]] }])
  using again = await openClient(emulator.urls.ws)
  await again.subscribe(tokens)
  expect(JSON.parse(again.texts[0]!)).toHaveLength(2)
})

test('REST fails with the status asked for, so many times, or answers a stale book', async () => {
  await using one = await openOne()
  const book = async (): Promise<Response> => await fetch(`${one.emulator.urls.clob}/book?token_id=${one.tokens[0]}`)
  await post(one.emulator, 'rest-fault', { status: 425, count: 2 })
  expect([(await book()).status, (await book()).status, (await book()).status]).toEqual([425, 425, 200])
  const before = await (await book()).text()
  await post(one.emulator, 'rest-fault', { stale: true, count: 1 })
  one.emulator.step(5)
  expect(await (await book()).text()).toBe(before)
  expect(await (await book()).text()).not.toBe(before)
})

test('a REST fault of one token leaves the other alone', async () => {
  await using one = await openOne()
  const [first, second] = one.tokens
  const ask = async (tokens: unknown[]): Promise<Response> =>
    await fetch(`${one.emulator.urls.clob}/books`, {
      method: 'POST',
      body: JSON.stringify(tokens.map((token) => ({ token_id: token }))),
    })
  await post(one.emulator, 'rest-fault', { status: 429, tokens: [first] })
  expect((await ask([second])).status).toBe(200)
  const refused = await ask([second, first])
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  const before = await (await ask([first, second])).text()
  await post(one.emulator, 'rest-fault', { stale: true, tokens: [first] })
  one.emulator.step(5)
  const [stale, fresh] = (await (await ask([first, second])).json()) as { hash: string }[]
  expect(before).toContain(stale?.hash)
  expect(before).not.toContain(fresh?.hash)
})

test('a venue restart closes sockets and answers 425 for as long as asked; then all is as before', async () => {
  await using one = await openOne({ isUnheard: true })
  const book = async (): Promise<Response> => await fetch(`${one.emulator.urls.clob}/book?token_id=${one.tokens[0]}`)
  const before = await (await book()).text()
  await post(one.emulator, 'restart', { durationMs: 1_500 })
  expect(await one.client.closed).toBe(1001)
  expect((await book()).status).toBe(425)
  await expect(openClient(one.emulator.urls.ws)).rejects.toThrow('425')
  await until(async () => (await book()).status === 200)
  using again = await openClient(one.emulator.urls.ws)
  await again.subscribe(one.tokens)
  expect(await (await book()).text()).toBe(before)
  expect(again.texts[0]).toContain(one.emulator.ledger(one.tokens[0]).tokens[0]?.hash)
})

test('books go on unheard when asked to: who reconnects finds another book', async () => {
  for (const isUnheard of [true, false]) {
    await using one = await openOne({ isUnheard })
    const hash = (): string | undefined => one.emulator.ledger(one.tokens[0]).tokens[0]?.hash
    one.client[Symbol.dispose]()
    await until(() => one.emulator.ledger().connections[0]?.closedTimeMs !== undefined)
    const before = hash()
    one.emulator.step(10)
    expect(hash() !== before).toBe(isUnheard)
  }
})

test('garbage reaches all connections, and closing closes one or all', async () => {
  await using one = await openOne()
  await post(one.emulator, 'send', { text: '{"broken' })
  await one.client.settle()
  expect(one.client.texts).toContain('{"broken')
  using second = await openClient(one.emulator.urls.ws)
  await second.settle()
  await post(one.emulator, 'close', { connection: 1 })
  await one.client.closed
  await second.settle()
  await post(one.emulator, 'close', { abrupt: false })
  expect(await second.closed).toBe(1001)
  expect(await post(one.emulator, 'mute', { token: 5 })).toBe(400)
  await until(() => one.emulator.ledger().connections.every((entry) => entry.closedTimeMs !== undefined))
})

test('the frame log holds every text sent, in order, and beside them the tape of the venue without any fault', async () => {
  const logPath = join(await mkdtemp(join(tmpdir(), 'polytape-log-')), 'frames.jsonl')
  const one = await openOne({ logPath })
  one.emulator.step(40)
  await post(one.emulator, 'drop-next', { token: one.tokens[0], count: 3 })
  one.emulator.step(40)
  await one.client.settle()
  await fetch(`${one.emulator.urls.clob}/book?token_id=${one.tokens[0]}`)
  const texts = one.client.texts.filter((text) => text !== 'PONG')
  expect(await post(one.emulator, 'flush-log')).toBe(200)
  const lines = (await readFile(logPath, 'utf8')).trim().split('\n')
  await one[Symbol.asyncDispose]()
  const logged = lines.map((line) => JSON.parse(line) as { text: string; connection: number; tokens: string[] })
  const sent = logged.filter(({ connection }) => connection === 1)
  expect(sent.map((line) => line.text)).toEqual(texts)
  expect(sent.every((line) => line.tokens.length === 2)).toBe(true)
  const tape = logged.filter(({ connection }) => connection === 0).map(({ text }) => text)
  const changes = tape.filter((text) => text.includes('price_changes'))
  expect(changes).toHaveLength(texts.filter((text) => text.includes('price_changes')).length + 3)
  expect(texts.filter((text) => text.includes('price_changes') && !changes.includes(text))).toEqual([])
  expect(tape[0]).toContain('"event_type":"book"')
  expect(logged.filter(({ connection }) => connection === -1)).toHaveLength(1)
})

test('a consumer that does not read is closed before it holds more than 64 MB, and counted', async () => {
  await using one = await openOne()
  one.client.socket.pause()
  const text = 'x'.repeat(8 * 1024 * 1024)
  for (let at = 0; at < 12; at++) {
    one.emulator.send(text)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => one.emulator.ledger().slowConsumersClosed === 1)
})

test('a new market has no book at CLOB until it is hydrated', async () => {
  await using one = await openOne()
  const marketId = one.emulator.addMarket(1_500)
  const token = one.emulator.catalogue.byKey({ marketId })?.tokens[0]?.token ?? ''
  const status = async (): Promise<number> => (await fetch(`${one.emulator.urls.clob}/book?token_id=${token}`)).status
  expect(await status()).toBe(404)
  await until(async () => (await status()) === 200)
})
