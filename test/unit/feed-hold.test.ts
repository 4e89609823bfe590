import { expect, test } from 'vitest'
import type { Frame } from '../../src/domain/frame.ts'
import { createHold } from '../../src/feed/hold.ts'
import { createSocketLog } from '../../src/feed/socket-log.ts'

const frameOf = (text: string, kind: Frame['kind'] = 'websocket'): Frame => ({
  kind,
  text,
  receivedTimeMs: 1,
  sourceReceivedTimeMs: undefined,
})
const eventOf = (type: string, token: string, timeMs: number): Frame =>
  frameOf(JSON.stringify({ asset_id: token, timestamp: String(timeMs), event_type: type }))

const NOTHING: ReadonlyMap<string, number> = new Map()

test('the time of each first whole book is known, of the socket or of REST', () => {
  const hold = createHold(0)
  hold.push(eventOf('price_change', 'a', 900))
  hold.push(eventOf('book', 'a', 1_000))
  hold.push(eventOf('book', 'a', 1_500))
  hold.push(frameOf(JSON.stringify({ asset_id: 'b', timestamp: '1200', bids: [] }), 'rest'))
  expect(hold.snapshots).toEqual(new Map([['a', 1_000], ['b', 1_200]])) // prettier-ignore
})

test('what is applied already is left out, what may not have come there, trades and marks are told', () => {
  const hold = createHold(0)
  const frames = [
    eventOf('book', 'a', 1_000),
    eventOf('price_change', 'a', 1_999),
    eventOf('price_change', 'a', 2_000),
    eventOf('best_bid_ask', 'a', 2_000),
    eventOf('best_bid_ask', 'a', 2_001),
    eventOf('book', 'b', 2_950),
    eventOf('last_trade_price', 'a', 1_000),
    frameOf('{"type":"subscribed","tokens":[]}', 'marker'),
  ]
  for (const frame of frames) hold.push(frame)
  const applied = new Map([['a', 2_000], ['b', 3_000]]) // prettier-ignore
  expect(hold.take(applied)).toEqual([frames[2], frames[4], frames[5], frames[6], frames[7]])
  expect(hold.take(applied)).toEqual([])
})

test('a hold that overflows drops everything and says so', () => {
  const hold = createHold(0)
  for (let at = 0; at < 5_001; at++) hold.push(eventOf('price_change', 'a', at))
  expect(hold.isBroken).toBe(true)
  hold.push(eventOf('price_change', 'a', 9_999))
  expect(hold.take(NOTHING)).toEqual([])
})

const openLog = (epoch: string) => {
  const pushed: string[] = []
  const push = (stream: string, { text }: Frame): boolean => pushed.push(`${stream} ${text}`) > 0
  return { pushed, epoch, epochOf: () => epoch, push, flushed: async () => undefined, close: () => undefined }
}

test('a stream that is held goes on under the epoch it is given, its neighbours never notice', async () => {
  const [base, arrival] = [openLog('1'), openLog('2')]
  const log = createSocketLog(base, () => undefined)
  log.begin('x', true)
  log.push('x', frameOf('first'))
  log.push('y', frameOf('other'))
  let isFlushed = false
  void log.flushed('x').then(() => (isFlushed = true))
  await Promise.resolve()
  expect([isFlushed, base.pushed]).toEqual([false, ['y other']])
  const [[, hold] = []] = log.holds()
  log.release('x', arrival, [frameOf('mark'), ...(hold?.take(NOTHING) ?? [])])
  log.push('x', frameOf('second'))
  expect(arrival.pushed).toEqual(['x mark', 'x first', 'x second'])
  expect([log.epochOf('x'), log.epochOf('y'), log.epoch]).toEqual(['2', '1', '1'])
  await log.flushed('x')
})

test('after a move was called off nothing of the stream goes out, until it is subscribed anew', async () => {
  const base = openLog('1')
  const log = createSocketLog(base, () => undefined)
  log.begin('x', true)
  log.release('x', undefined, [])
  expect(log.push('x', frameOf('late'))).toBe(true)
  await log.flushed('x')
  expect(base.pushed).toEqual([])
  log.begin('x', false)
  log.push('x', frameOf('new'))
  expect(base.pushed).toEqual(['x new'])
})
