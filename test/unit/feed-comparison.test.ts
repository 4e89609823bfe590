import { expect, test } from 'vitest'
import { compareSubscriptions } from '../../src/feed/comparison.ts'
import { createLive, type Place } from '../../src/feed/live.ts'
import { createMember, type Member } from '../../src/feed/market.ts'
import type { Missing } from '../../src/feed/rest-queue.ts'
import { fetchOverdue } from '../../src/feed/snapshots.ts'
import { createSocketLog } from '../../src/feed/socket-log.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { MARKET_CHANNEL } from '../../src/venue/polymarket/market-channel.ts'

const never = (): never => {
  throw new Error('a comparison asks for none of this')
}

/** A socket on which markets 1 (tokens 11, 12) and 2 are subscribed and heard. */
const openPlace = () => {
  const texts: string[] = []
  const stats = createStats()
  const reconciled: string[] = []
  const memberOf = (marketId: string): Member => {
    const tokens = [`${marketId}1`, `${marketId}2`]
    const member = createMember({ marketId, conditionId: '', tokens, state: 'active', depth: 0, generation: 1 }, '')
    return Object.assign(member, { phase: 'in' as const })
  }
  const members = new Map(['1', '2'].map((marketId): [string, Member] => [marketId, memberOf(marketId)]))
  const connection = {
    send: (some: string[]) => void texts.push(...some),
    confirm: (read: () => void) => read(),
    newestFrameTimeMs: never,
    close: never,
  }
  const log = { epoch: 'e', epochOf: never, push: () => true, flushed: never, close: never }
  const live = createLive(
    connection,
    createSocketLog(log, () => undefined),
  )
  live.hasSubscribed = true
  for (const token of ['11', '12', '21', '22']) {
    live.sent.set(token, { state: 'subscribed', sinceMs: 1_000 })
    live.known.set(token, { exchangeTimeMs: 1_000, receivedTimeMs: 1_500 })
  }
  const answer: Missing = { tokens: new Set(), isAnswered: true }
  const deps = {
    url: '',
    isReplay: false,
    channel: MARKET_CHANNEL,
    openEpoch: never,
    route: never,
    rest: { request: async () => answer },
    isVenueRestarting: never,
    confirm: never,
    log: createLog('feed', 'silent'),
    stats,
    signal: new AbortController().signal,
  }
  const reconcile = (): void =>
    void reconciled.push(
      ...[...members.values()].filter(({ phase }) => phase === 'out').map(({ desired }) => desired.marketId),
    )
  const place: Place = { live, deps, members, reconcile }
  return { place, texts, members, reconciled, stats, answer }
}

const NOW_MS = 100_000

test('nothing differs, nothing is sent and nothing counted where all that is desired was sent and comes', () => {
  const { place, texts, stats } = openPlace()
  expect(compareSubscriptions(place, NOW_MS)).toBe(0)
  expect(texts).toEqual([])
  expect(stats.read()).toEqual({})
})

test('a market whose subscribe frame is missing joins again as a whole', () => {
  const { place, reconciled, stats } = openPlace()
  place.live.sent.delete('12')
  expect(compareSubscriptions(place, NOW_MS)).toBe(1)
  expect(reconciled).toEqual(['1'])
  expect(stats.read()).toMatchObject({ subscriptionsRepaired: 1 })
})

test('a token that is subscribed and belongs to no market of the socket is unsubscribed, one that moves away is not', () => {
  const { place, texts, members } = openPlace()
  members.delete('2')
  place.live.departing.add('21')
  expect(compareSubscriptions(place, NOW_MS)).toBe(1)
  expect(texts).toEqual([JSON.stringify({ operation: 'unsubscribe', assets_ids: ['22'] })])
  expect(compareSubscriptions(place, NOW_MS)).toBe(0)
})

test('a subscription is silent only after half a minute, also where an earlier one of the token was heard', () => {
  const { place, texts } = openPlace()
  place.live.sent.set('11', { state: 'subscribed', sinceMs: NOW_MS - 29_000 })
  expect(compareSubscriptions(place, NOW_MS)).toBe(0)
  expect(compareSubscriptions(place, NOW_MS + 2_000)).toBe(1)
  expect(texts.map((text) => JSON.parse(text).operation)).toEqual(['unsubscribe', 'subscribe'])
})

test('a token of which REST answers that it has no book is left alone; one of which it gives no answer is not', async () => {
  const { place, texts, stats, answer } = openPlace()
  place.live.known.set('11', { exchangeTimeMs: 0, receivedTimeMs: 0 })
  place.live.awaiting.set('11', 0)
  answer.tokens = new Set(['11'])
  await fetchOverdue(place)
  expect(compareSubscriptions(place, NOW_MS)).toBe(0)
  expect([texts, stats.read()]).toEqual([[], {}])
  place.live.awaiting.set('11', 0)
  answer.isAnswered = false
  await fetchOverdue(place)
  expect(compareSubscriptions(place, NOW_MS)).toBe(1)
  expect(texts.map((text) => JSON.parse(text).operation)).toEqual(['unsubscribe', 'subscribe'])
})
