import { expect, test } from 'vitest'
import { beginFollowed } from '../support/followed-market.ts'

const HOURS_MS = 5 * 3_600_000
/** As long as the venue goes on after the event of the future, and REST has answered. */
const settle = (run: ReturnType<typeof beginFollowed>): void => {
  run.rest(3_000, run.first.book(2_500, true))
  run.first.set('BUY', '0.3', '7')
  run.socket(3_011, run.first.change(3_010, 'BUY', '0.3'))
}

test('a whole book of the future, which hashes to what it says, freezes the book until the next change only', () => {
  const run = beginFollowed()
  run.first.set('BUY', '0.41', '1')
  run.socket(11, run.first.book(HOURS_MS))
  run.first.set('BUY', '0.42', '2')
  run.socket(2_001, run.first.change(2_000, 'BUY', '0.42'))
  expect(run.reasons()).toEqual(['bad_message'])
  expect(run.batch.gapsOpened[0]?.openedTimeMs).toBe(run.timeOf(11))
  settle(run)
  expect(run.tape.state).toBe('live')
  expect(run.outcome.book.bids.top(0).map(({ priceText, sizeText }) => `${priceText} ${sizeText}`)).toEqual([
    '0.42 2',
    '0.41 1',
    '0.4 10',
    '0.3 7',
  ])
})

test('a change of the future does so too', () => {
  const run = beginFollowed()
  run.first.set('BUY', '0.41', '1')
  run.socket(11, run.first.change(HOURS_MS, 'BUY', '0.41'))
  run.first.set('BUY', '0.42', '2')
  run.socket(2_001, run.first.change(2_000, 'BUY', '0.42'))
  expect(run.reasons()).toEqual(['bad_message'])
  settle(run)
  expect(run.tape.state).toBe('live')
})

test('the gap of a book whose time of the future is false is ended by the present book of REST', () => {
  const run = beginFollowed()
  const future = run.first.book(HOURS_MS)
  run.socket(11, future.replace(/"hash":"[^"]*"/, '"hash":"00"'))
  expect(run.reasons()).toEqual(['hash_mismatch'])
  settle(run)
  expect(run.tape.state).toBe('live')
  expect(run.reasons()).toEqual(['hash_mismatch'])
})

test('a book that REST had kept from before the present ends no gap', () => {
  const run = beginFollowed()
  run.first.set('BUY', '0.41', '1')
  const kept = run.first.book(1_000, true)
  run.first.set('BUY', '0.42', '2')
  run.socket(2_001, run.first.change(2_000, 'BUY', '0.42'))
  run.socket(2_011, run.first.book(HOURS_MS).replace(/"hash":"[^"]*"/, '"hash":"00"'))
  run.rest(2_500, kept)
  expect(run.outcome.status).toBe('gap')
  settle(run)
  expect(run.tape.state).toBe('live')
})

test('where our clock is hours behind the venue’s, nothing is of the future', () => {
  const run = beginFollowed()
  run.reconnect()
  run.socket(1_000, run.first.book(HOURS_MS))
  run.socket(1_001, run.second.book(HOURS_MS))
  const before = run.reasons().length
  for (let ms = 0; ms < 1_000; ms += 100) {
    run.first.set('BUY', '0.3', String(ms + 1))
    run.socket(2_000 + ms, run.first.change(HOURS_MS + 1_000 + ms, 'BUY', '0.3'))
  }
  run.rest(3_500, run.first.book(HOURS_MS - 90_000, true))
  expect(run.reasons()).toHaveLength(before)
  expect(run.tape.state).toBe('live')
})
