import { describe, expect, test } from 'vitest'
import { beginFollowed as begin } from '../support/followed-market.ts'
import { createFeedOf, createWireBook } from '../support/wire-book.ts'

const sizeAt = ({ outcome }: ReturnType<typeof begin>, price: number) => outcome.book.bids.at(price)?.sizeText

describe('no alarm where every frame came', () => {
  test('a best_bid_ask whose change a newer book has overtaken', () => {
    const run = begin()
    run.first.set('BUY', '0.45', '1')
    const change = run.first.change(10, 'BUY', '0.45')
    run.socket(11, run.first.quote(10))
    run.first.set('BUY', '0.45', '0')
    run.socket(12, run.first.book(11))
    run.socket(13, change)
    run.asked(2_000)
    run.asked(4_000)
    expect(run.reasons()).toEqual([])
  })

  test('a feed that hangs for two seconds within a batch, or between a quote and its change', () => {
    const run = begin()
    run.first.set('BUY', '0.41', '1')
    run.first.set('BUY', '0.42', '2')
    const [one, two] = [run.first.change(10, 'BUY', '0.41'), run.first.change(10, 'BUY', '0.42')]
    run.socket(12, run.first.quote(10))
    run.socket(13, one)
    run.second.set('BUY', '0.3', '1')
    run.socket(2_013, run.second.change(12, 'BUY', '0.3'))
    run.socket(2_014, two)
    run.asked(4_000)
    expect(run.reasons()).toEqual([])
    expect(run.tape.state).toBe('live')
  })

  test('a late book that comes after a hang', () => {
    const run = begin()
    run.first.set('BUY', '0.4', '5')
    const late = run.first.book(10)
    run.first.set('BUY', '0.39', '3')
    run.socket(13, run.first.change(12, 'BUY', '0.39'))
    run.first.set('BUY', '0.38', '3')
    run.socket(300, run.first.change(14, 'BUY', '0.38'))
    run.socket(301, late)
    run.asked(2_000)
    run.asked(2_100)
    expect(run.reasons()).toEqual([])
  })

  test('a hash over a tick that only the other outcome was told of', () => {
    const run = begin()
    run.socket(10, run.first.tick(9, '0.001'))
    run.second.inputs.tickSize = '0.001'
    run.second.set('BUY', '0.41', '1')
    run.socket(11, run.second.change(10, 'BUY', '0.41'))
    run.second.set('BUY', '0.42', '1')
    run.socket(12, run.second.change(11, 'BUY', '0.42'))
    run.socket(13, run.second.tick(11, '0.001'))
    run.first.set('BUY', '0.41', '1')
    run.socket(14, run.first.change(12, 'BUY', '0.41'))
    run.asked(2_000)
    expect(run.reasons()).toEqual([])
    expect(run.tape.state).toBe('live')
  })

  test('an empty side, told as 0, as 1 or not at all', () => {
    const run = begin()
    run.first.set('BUY', '0.4', '0')
    run.socket(10, run.first.quote(9).replace('"best_bid":"0"', '"best_bid":""'))
    run.socket(11, run.first.change(10, 'BUY', '0.4'))
    run.first.set('SELL', '0.6', '0')
    run.socket(12, run.first.quote(11))
    run.socket(13, run.first.change(12, 'SELL', '0.6'))
    run.asked(3_000)
    expect(run.reasons()).toEqual([])
    expect(run.tape.state).toBe('live')
  })
})

describe('what is wrong is not called proved', () => {
  test('an older change that comes again changes nothing and proves nothing', () => {
    const run = begin()
    run.first.set('BUY', '0.41', '1')
    const older = run.first.change(10, 'BUY', '0.41')
    run.socket(11, older)
    run.first.set('BUY', '0.41', '2')
    run.socket(21, run.first.change(20, 'BUY', '0.41'))
    const { sequence } = run.outcome
    run.socket(22, older)
    expect(run.outcome.sequence).toBe(sequence)
    expect(sizeAt(run, 410_000)).toBe('2')
    run.asked(3_000)
    expect(run.reasons()).toEqual([])
  })

  test('a batch that was shed makes the book unverified until REST or the next batch proves it', () => {
    const run = begin()
    run.tape.deps.judge.lagMs = 1_000_000
    run.first.set('BUY', '0.41', '1')
    run.socket(11, run.first.change(10, 'BUY', '0.41'))
    run.first.set('BUY', '0.42', '1')
    run.socket(12, run.first.change(11, 'BUY', '0.42'))
    run.tape.deps.judge.lagMs = 0
    expect(run.stats.read()['checksShed']).toBe(1)
    expect(run.tape.state).toBe('unverified')
    expect(run.tape.resyncNeed(run.timeOf(20))).toBe('soon')
    run.rest(500, run.first.book(11, true))
    expect(run.tape.state).toBe('live')
  })

  test('REST from before a loss does not say that nothing was missed', () => {
    const run = begin()
    const cached = run.first.book(0, true)
    run.first.set('BUY', '0.41', '1')
    run.lose()
    run.second.set('BUY', '0.3', '1')
    run.socket(20, run.second.change(15, 'BUY', '0.3'))
    run.rest(30, cached)
    expect(run.batch.gapsClosed.map(({ isNothingMissed }) => isNothingMissed)).toEqual([false])
  })

  test('after a reconnect the same hash says that nothing was missed, another one does not', () => {
    const run = begin()
    run.reconnect()
    run.socket(1_000, run.first.book(0))
    run.second.set('BUY', '0.2', '1')
    run.socket(1_000, run.second.book(500))
    expect(run.reasons()).toEqual(['feed_restart', 'feed_restart'])
    expect(run.batch.gapsClosed.map(({ isNothingMissed }) => isNothingMissed)).toEqual([true, false])
  })

  test('a late book of the socket that goes on ends no gap', () => {
    const run = begin()
    const late = run.first.book(10)
    run.first.set('BUY', '0.41', '1')
    run.socket(16, run.first.change(15, 'BUY', '0.41'))
    run.lose()
    run.socket(17, late)
    expect(run.outcome.status).toBe('gap')
    run.rest(60, run.first.book(15, true))
    expect(run.outcome.status).toBe('following')
    expect(sizeAt(run, 410_000)).toBe('1')
  })

  test('a gap begins before the batch that was already wrong when the socket closed', () => {
    const run = begin()
    run.first.set('BUY', '0.41', '1')
    run.first.set('BUY', '0.42', '1')
    run.socket(5_000, run.first.change(5_000, 'BUY', '0.42'))
    run.first.set('BUY', '0.43', '1')
    run.socket(5_020, run.first.change(5_020, 'BUY', '0.43'))
    run.reconnect()
    run.socket(5_060, run.first.book(5_030))
    const [gap] = run.batch.gapsOpened
    expect(gap?.openedTimeMs).toBe(run.timeOf(1))
    expect(gap?.lastGoodSequence).toBe(1)
  })

  test('a book that waits for its first snapshot asks for one when changes came before it', () => {
    const feed = createFeedOf()
    const wire = createWireBook()
    wire.set('BUY', '0.41', '1')
    feed.socket(11, wire.change(10, 'BUY', '0.41'))
    expect(feed.tape.resyncNeed(feed.timeOf(20))).toBe('soon')
  })

  test('a REST book that does not fit its own hash is not proof for ever that hashes are unknown', () => {
    const run = begin()
    run.lose()
    run.first.set('BUY', '0.41', '1')
    run.socket(11, run.first.quote(10))
    run.rest(20, run.first.book(10, true).replace('"size":"10"', '"size":"11"'))
    expect(run.tape.state).toBe('unverified')
    run.rest(21, run.second.book(0, true))
    run.first.set('BUY', '0.4', '12')
    run.socket(31, run.first.change(30, 'BUY', '0.4'))
    expect(run.tape.state).toBe('live')
  })

  test('outcomes that are no mirror of each other are asked about where hashes are unknown, and open no gap', () => {
    const run = begin()
    for (const { verification } of run.tape.outcomes) verification.proof.state = 'unverifiable'
    run.second.set('BUY', '0.3', '1')
    run.first.set('BUY', '0.31', '1')
    for (const { verification } of run.tape.outcomes) verification.proof.isHashKnown = false
    run.socket(11, run.first.change(10, 'BUY', '0.31').replace(/"hash":"[^"]*"/, '"hash":""'))
    run.socket(12, run.second.change(10, 'BUY', '0.3').replace(/"hash":"[^"]*"/, '"hash":""'))
    expect(run.stats.read()['mirrorMismatches']).toBeGreaterThan(0)
    expect(run.tape.resyncNeed(run.timeOf(13))).toBe('now')
    expect(run.reasons()).toEqual([])
  })

  test('a change that comes only after a change of the next batch leaves its own batch wrong', () => {
    const run = begin()
    run.first.set('BUY', '0.41', '1')
    run.first.set('BUY', '0.42', '2')
    const [one, two] = [run.first.change(10, 'BUY', '0.41'), run.first.change(10, 'BUY', '0.42')]
    run.first.set('BUY', '0.42', '3')
    run.first.set('BUY', '0.43', '4')
    const [three, four] = [run.first.change(20, 'BUY', '0.43'), run.first.change(20, 'BUY', '0.42')]
    for (const [at, text] of [one, three, two, four].entries()) run.socket(21 + at, text)
    run.asked(2_000)
    expect(run.reasons()).toEqual(['hash_mismatch'])
  })

  test('a best_bid_ask that only a later state meets is an alarm', () => {
    const run = begin()
    run.first.set('BUY', '0.44', '1')
    run.socket(10, run.first.quote(10))
    run.first.set('BUY', '0.44', '2')
    run.socket(595, run.first.book(590))
    expect(run.reasons()).toEqual([])
    run.second.set('BUY', '0.2', '1')
    run.socket(650, run.second.change(640, 'BUY', '0.2'))
    expect(run.reasons()).toEqual(['best_price'])
    expect(run.batch.gapsOpened[0]?.openedTimeMs).toBe(run.timeOf(1))
  })

  test('a gap begins before a batch that was wrong and still open when the socket closed', () => {
    const run = begin()
    run.first.set('BUY', '0.41', '1')
    run.first.set('BUY', '0.42', '1')
    run.socket(5_000, run.first.change(5_000, 'BUY', '0.42'))
    run.reconnect()
    run.socket(5_060, run.first.book(5_030))
    expect(run.batch.gapsOpened[0]?.openedTimeMs).toBe(run.timeOf(1))
  })
})
