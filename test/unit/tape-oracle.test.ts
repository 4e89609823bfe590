import { describe, expect, test } from 'vitest'
import { createHandMade } from '../support/tape/hand-made.ts'

const OPENING = ['bid 0.4 10', 'ask 0.6 10']

const start = () => {
  const log = createHandMade(OPENING)
  log.dump(1)
  log.wait(1_000)
  return log
}

describe('what a delivery must have shown', () => {
  test('nothing, when every text came', () => {
    const log = start()
    log.batch(['bid 0.41 5', 'bid 0.42 5', 'ask 0.59 7'])
    log.wait(10)
    log.batch(['bid 0.42 0'])
    log.wait(60_000)
    expect(log.judge()).toEqual([])
  })

  test('nothing, when texts came twice or in another order within their batch', () => {
    const log = start()
    log.batch(['bid 0.41 5', 'ask 0.59 7'], [1, 1, 0, 0])
    log.wait(60_000)
    expect(log.judge()).toEqual([])
  })

  test('a text that is missing in a batch, at its end', () => {
    const log = start()
    log.batch(['bid 0.41 5', 'bid 0.42 5'], [1])
    log.wait(1_200)
    expect(log.judge()).toEqual(['batch_end at 2000 since 2000'])
  })

  test('a whole batch that is missing, at the end of the next', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    log.wait(500)
    expect(log.judge()).toEqual([])
    log.batch(['ask 0.59 7'])
    log.wait(1_200)
    expect(log.judge()).toEqual(['batch_end at 2500 since 2000'])
  })

  test('not a loss that the next change undoes', () => {
    const log = start()
    log.batch(['bid 0.4 30'], [])
    log.wait(500)
    log.batch(['bid 0.4 10'])
    log.wait(1_200)
    expect(log.judge()).toEqual([])
  })

  test('a loss that no batch shows, after 30 s', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    log.wait(29_000)
    expect(log.judge()).toEqual([])
    log.wait(1_500)
    expect(log.judge()).toEqual(['lasting at 32000 since 2000'])
  })

  test('texts that are swapped across batches', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    log.wait(20)
    log.batch(['ask 0.59 7'])
    log.late(1)
    log.wait(1_200)
    expect(log.judge()).toEqual(['batch_end at 2020 since 2000'])
  })

  test('not a text that comes after a newer one of its level: it changes nothing', () => {
    const log = start()
    log.batch(['bid 0.4 5'], [])
    log.wait(20)
    log.batch(['bid 0.4 7'])
    log.late(1)
    log.wait(60_000)
    expect(log.judge()).toEqual([])
  })

  test('nor is a batch ended by a text of an older one in its middle', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    log.wait(20)
    log.batch(['bid 0.42 7', 'bid 0.41 9'], [0])
    log.late(1)
    log.late(3)
    log.wait(60_000)
    expect(log.judge()).toEqual([])
  })

  test('not a text that comes after a whole book which has it already', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    log.wait(20)
    log.batch(['ask 0.59 7'], [])
    log.dump(1)
    log.late(1)
    log.wait(1_200)
    expect(log.judge()).toEqual([])
  })

  test.each([
    ['all of it', [1, 2], []],
    ['a part of it', [1], ['batch_end at 2000 since 2000']],
    ['again what had come', [0], ['batch_end at 2000 since 2000']],
  ] as const)('the rest of a batch that comes after the whole book which overtook it: %s', (_, late, losses) => {
    const log = start()
    log.batch(['bid 0.41 5', 'bid 0.42 5', 'ask 0.59 7'], [0])
    const first = log.tape.length - 3
    log.wait(20)
    log.batch(['ask 0.58 7'], [])
    log.dump(1)
    for (const index of late) log.late(first + index)
    log.wait(1_200)
    expect(log.judge()).toEqual(losses)
  })

  test('a quote that no state near it has; one that a state had or gets is right', () => {
    const log = start()
    log.quote('0.41', '0.6')
    log.wait(5)
    log.batch(['bid 0.41 5'])
    log.wait(50)
    log.quote('0.4', '0.6')
    log.wait(500)
    expect(log.judge()).toEqual([])
    log.quote('0.42', '0.6')
    log.wait(500)
    expect(log.judge()).toEqual(['best_bid_ask at 2555 since 2555'])
  })

  test.each([
    ['its change is only late', 600, true, []],
    ['its change is later than a second', 1_200, true, ['best_bid_ask at 2000 since 2000']],
    ['a newer change comes instead', 600, false, ['best_bid_ask at 2000 since 2000', 'batch_end at 2600 since 2000']],
  ] as const)('a quote that no state has when it comes: %s', (_, waitMs, comes, losses) => {
    const log = start()
    log.quote('0.41', '0.6')
    log.batch(['bid 0.41 5'], [])
    const missing = log.tape.length - 1
    log.wait(waitMs)
    if (comes) log.late(missing)
    log.batch(['bid 0.42 5'])
    log.wait(1_500)
    expect(log.judge()).toEqual(losses)
  })

  test('nothing where a text comes late into a book that holds it and what came after it in the same millisecond', () => {
    const log = start()
    log.batch(['bid 0.41 5'], [])
    const missing = log.tape.length - 1
    log.batch(['bid 0.42 5'], [])
    log.repair()
    log.wait(300)
    log.late(missing)
    log.batch(['bid 0.43 5'])
    log.wait(300)
    expect(log.judge()).toEqual([])
  })

  test('nothing more once the book was replaced, until the next loss', () => {
    const log = start()
    log.batch(['bid 0.41 5', 'bid 0.42 5'], [1])
    log.wait(1_200)
    log.repair()
    log.batch(['bid 0.43 5'])
    log.wait(1_200)
    log.batch(['bid 0.44 5', 'bid 0.45 5'], [0])
    log.wait(1_200)
    expect(log.judge()).toEqual(['batch_end at 2000 since 2000', 'batch_end at 4400 since 4400'])
  })

  test('nothing where the rest of a batch comes late but in order; after a second of quiet it has ended', () => {
    const log = start()
    log.batch(['bid 0.41 5', 'bid 0.42 5'], [0])
    log.wait(400)
    log.late(2)
    log.wait(3_000)
    log.batch(['bid 0.43 5', 'bid 0.44 5'], [0])
    log.wait(1_200)
    log.late(4)
    log.wait(3_000)
    expect(log.judge()).toEqual(['batch_end at 5400 since 5400'])
  })

  test('a loss on a connection whose snapshot came by REST before its first text', () => {
    const log = start()
    log.close(1)
    log.wait(1_000)
    log.repair()
    log.wait(5_000)
    log.batch(['bid 0.42 5', 'bid 0.41 5'], [0], 2)
    log.wait(1_200)
    expect(log.judge()).toEqual(['batch_end at 8000 since 8000'])
  })

  test('nothing while no socket is open, and the next connection starts anew', () => {
    const log = start()
    log.close(1)
    log.batch(['bid 0.41 5'], [])
    log.wait(40_000)
    log.dump(2)
    log.batch(['bid 0.42 5'], [0], 2)
    log.wait(1_200)
    expect(log.judge()).toEqual([])
  })
})
