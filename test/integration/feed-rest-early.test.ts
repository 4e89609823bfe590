import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { orderbookStream, RESYNC_CHANNEL } from '../../src/domain/keys.ts'
import { splitArray } from '../../src/lib/json-elements.ts'
import { framesOf, openBench, readStream, until } from './feed-support.ts'

/** Passes calls on to REST. The answer of the next call after `hold` waits, as it was then, until it is let go. */
const openHoldingRest = async () => {
  const stand = { target: '', isHolding: false, held: undefined as string | undefined, letGo: (): void => undefined }
  const server = createServer((request, response) => {
    const pass = async (): Promise<void> => {
      const body = (await request.toArray()).join('')
      const init = { method: request.method ?? 'GET', headers: { 'content-type': 'application/json' } }
      const answer = await fetch(`${stand.target}${request.url}`, body === '' ? init : { ...init, body })
      const text = await answer.text()
      if (stand.isHolding) {
        stand.isHolding = false
        stand.held = text
        await new Promise<void>((resolve) => (stand.letGo = resolve))
      }
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text)
    }
    void pass().catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    stand,
    url,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a book that was asked for before its market came to a socket is no book of that socket', async () => {
  await using rest = await openHoldingRest()
  await using bench = await openBench(
    { marketCount: 1 },
    { POLYMARKET_CLOB_URL: rest.url, LIVENESS_EVERY_MS: '600000' },
  )
  const { stand } = rest
  stand.target = bench.emulator.urls.clob
  const [marketId = ''] = bench.marketIds
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  stand.isHolding = true
  await bench.redis.publish(RESYNC_CHANNEL, marketId)
  await until('an answer is on its way', () => stand.held !== undefined)
  bench.emulator.step(50)
  bench.emulator.withholdSnapshots({ tokens: [], count: 1 })
  bench.emulator.close({ connection: undefined, abrupt: true })
  await until('it is on another socket', () => {
    const { connections } = bench.emulator.ledger()
    return connections.length === 2 && bench.feed.figures().tokensSubscribed === 2
  })
  stand.letGo()
  const restOfNewest = async (): Promise<string[]> => {
    const frames = framesOf(await readStream(bench.redis, orderbookStream(marketId)))
    const [first, ...others] = [...new Set(frames.map(({ epoch }) => epoch))].toSorted()
    const newest = others.at(-1) ?? first
    return others.length === 0
      ? []
      : frames.flatMap(({ kind, epoch, text }) => (kind === 'rest' && epoch === newest ? [text] : []))
  }
  await until('books came by REST on it', async () => (await restOfNewest()).length >= 2)
  const early = new Set(splitArray(stand.held ?? '[]'))
  expect(early.size).toBe(2)
  expect((await restOfNewest()).filter((text) => early.has(text))).toEqual([])
  expect(bench.stats.read()['restBooksEarly']).toBe(2)
})
