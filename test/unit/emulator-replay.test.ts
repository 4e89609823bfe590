import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openEmulator } from '../../src/emulator/emulator.ts'
import { openClient, until } from './emulator-receiver.ts'

type Json = Record<string, unknown>

/** A recording of the emulator by a client of its own, as `--replay` reads it. */
const record = async () => {
  await using emulator = await openEmulator({ marketCount: 1, rate: 0, tradeShare: 0.1, seed: 11 })
  using client = await openClient(emulator.urls.ws)
  const tokens = emulator.catalogue.markets[0]!.tokens.map(({ token }) => token)
  await client.subscribe(tokens)
  for (let at = 0; at < 60; at++) emulator.step(1)
  await until(() => emulator.settle() === 0 && emulator.ledger().trades.length > 2)
  await client.settle()
  const startMs = 1_790_000_000_000
  const lines = client.texts.map((payloadUtf8, at) => ({
    receivedAt: at % 2 === 0 ? startMs + at * 10 : new Date(startMs + at * 10).toISOString(),
    payloadUtf8,
  }))
  const path = join(await mkdtemp(join(tmpdir(), 'polytape-replay-')), 'file.jsonl')
  const text = lines.map((line) => JSON.stringify(line)).join('\n')
  await writeFile(path, `not json\n${text}\n{"receivedAt":"never","payloadUtf8":""}\n`)
  return { path, tokens, lines, ledger: emulator.ledger() }
}

test('a file is played byte for byte, its markets are served, its books end as they were', async () => {
  const { path, tokens, lines, ledger } = await record()
  await using emulator = await openEmulator({ replay: { path, speed: 0 } })
  expect(emulator.replay().skipped.map(({ line }) => line)).toEqual([1, lines.length + 2])
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokens)
  await until(() => emulator.replay().done)
  await client.settle()
  const played = lines.map((line) => line.payloadUtf8).filter((text) => text !== 'PONG')
  expect(client.texts.filter((text) => text !== 'PONG')).toEqual(played)
  expect(emulator.replay()).toMatchObject({ framesSent: played.length, frameCount: played.length })
  const [market] = (await (await fetch(`${emulator.urls.gamma}/markets?closed=false`)).json()) as Json[]
  expect(market?.['slug']).toMatch(/^replay-\d+$/)
  const body = JSON.stringify(tokens.map((token) => ({ token_id: token })))
  const books = (await (await fetch(`${emulator.urls.clob}/books`, { method: 'POST', body })).json()) as Json[]
  for (const entry of ledger.tokens.filter((one) => tokens.includes(one.token))) {
    const book = books.find((one) => one['asset_id'] === entry.token)
    expect(book).toMatchObject({ hash: entry.hash, timestamp: entry.timestamp, last_trade_price: entry.lastTradePrice })
    const replayed = emulator.ledger(entry.token).tokens[0]
    expect(replayed?.bids).toEqual(entry.bids)
    expect(replayed?.expectedRows).toBe(entry.expectedRows)
  }
  expect(emulator.ledger().trades).toHaveLength(ledger.trades.length)
})

test('it keeps the spacing of the file divided by the speed, and tells the clock to who asks for it', async () => {
  const { path, tokens, lines } = await record()
  await using emulator = await openEmulator({ replay: { path, speed: 2 } })
  using client = await openClient(emulator.urls.ws, ['polytape-replay'])
  expect(client.socket.protocol).toBe('polytape-replay')
  const startMs = performance.now()
  client.send({ assets_ids: tokens, type: 'market' })
  await until(() => emulator.replay().done)
  expect(performance.now() - startMs).toBeGreaterThan(((lines.length - 2) * 10) / 2)
  await until(() => client.texts.length >= emulator.replay().frameCount)
  const played = lines.filter((line) => line.payloadUtf8 !== 'PONG')
  expect(client.texts).toEqual(played.map((line) => `${new Date(line.receivedAt).getTime()} ${line.payloadUtf8}`))
})

test('who comes late gets the books as they stand', async () => {
  const { path, tokens, ledger } = await record()
  await using emulator = await openEmulator({ replay: { path, speed: 0 } })
  using first = await openClient(emulator.urls.ws)
  await first.subscribe(tokens)
  await until(() => emulator.replay().done)
  using late = await openClient(emulator.urls.ws)
  await late.subscribe(tokens)
  const books = JSON.parse(late.texts[0] ?? '[]') as Json[]
  expect(books.map((book) => book['hash'])).toEqual(
    tokens.map((token) => ledger.tokens.find((entry) => entry.token === token)?.hash),
  )
})

const captures = process.env['POLYTAPE_CAPTURES']
if (captures === undefined) console.warn('POLYTAPE_CAPTURES is not set: recorded captures are not played')

test.skipIf(captures === undefined).each([
  ['market-ws-2026-09-30.jsonl', 26],
  ['v2-market-2026-10-05.jsonl', 1],
])('the recorded %s plays, and its books verify by REST', async (file, frameCount) => {
  await using emulator = await openEmulator({ replay: { path: join(captures ?? '', file), speed: 0 } })
  expect(emulator.replay()).toMatchObject({ frameCount, skipped: [] })
  const tokens = emulator.catalogue.markets.flatMap((market) => market.tokens)
  using client = await openClient(emulator.urls.ws)
  await client.subscribe(tokens.map(({ token }) => token))
  await until(() => emulator.replay().done)
  for (const token of tokens) {
    const response = await fetch(`${emulator.urls.clob}/book?token_id=${token.token}`)
    expect(response.status).toBe(200)
    expect(token.book.hash(token.timestamp, token.market.lastTradePrice)).toBe(token.hash)
  }
})
