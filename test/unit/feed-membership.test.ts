import { expect, test } from 'vitest'
import type { Frame } from '../../src/domain/frame.ts'
import type { EpochLog } from '../../src/feed/epochs.ts'
import { createLive, type Place } from '../../src/feed/live.ts'
import { createMember } from '../../src/feed/market.ts'
import { join } from '../../src/feed/membership.ts'
import type { Missing } from '../../src/feed/rest-queue.ts'
import { createSocketLog } from '../../src/feed/socket-log.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { MARKET_CHANNEL } from '../../src/venue/polymarket/market-channel.ts'

const never = (): never => {
  throw new Error('a market that joins asks for none of this')
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A socket that knows the market's tokens `a` and `b` from before; REST answers as told. */
const openStage = (answer: (tokens: string[]) => Promise<Missing>) => {
  const frames: Frame[] = []
  const asked: string[][] = []
  const log: EpochLog = {
    epoch: 'e',
    epochOf: () => 'e',
    push: (_, frame) => frames.push(frame) > 0,
    flushed: async () => undefined,
    close: () => undefined,
  }
  const connection = {
    send: () => undefined,
    confirm: (read: () => void) => read(),
    newestFrameTimeMs: never,
    close: never,
  }
  const live = createLive(
    connection,
    createSocketLog(log, () => undefined),
  )
  for (const token of ['a', 'b']) live.known.set(token, { exchangeTimeMs: 1_000, receivedTimeMs: 1_500 })
  const desired = { marketId: '1', conditionId: '', tokens: ['a', 'b'], state: 'active' as const, depth: 0 }
  const member = createMember({ ...desired, generation: 2 }, '')
  const request = async (tokens: string[]): Promise<Missing> => {
    asked.push(tokens)
    return answer(tokens)
  }
  const deps = {
    url: '',
    isReplay: false,
    channel: MARKET_CHANNEL,
    openEpoch: never,
    route: never,
    rest: { request },
    isVenueRestarting: never,
    confirm: never,
    log: createLog('feed', 'silent'),
    stats: createStats(),
    signal: new AbortController().signal,
  }
  const place: Place = { live, deps, members: new Map([['1', member]]), reconcile: () => undefined }
  return { place, member, asked, markers: () => frames.map(({ text }) => JSON.parse(text)) }
}

test('a market that is resumed is in though REST has no book of it: that is recorded, and the book is owed on', async () => {
  const { place, member, asked, markers } = openStage(async () => ({ tokens: new Set(['b']), isAnswered: true }))
  join(place, [member])
  await settle()
  expect(member.phase).toBe('in')
  expect(asked).toEqual([['a', 'b']])
  expect(markers()).toMatchObject([
    { type: 'gap', reason: 'snapshot_missing', tokens: ['b'] },
    { type: 'subscribed', tokens: ['a', 'b'] },
  ])
  expect(place.live.awaiting.has('b')).toBe(true)
})

test('nothing is said under the epoch of a socket that ended while REST was asked', async () => {
  let answer = (_missing: Missing): void => undefined
  const { place, member, markers } = openStage(() => new Promise((resolve) => (answer = resolve)))
  join(place, [member])
  place.live.isEnded = true
  answer({ tokens: new Set(['a', 'b']), isAnswered: true })
  await settle()
  expect(markers()).toEqual([])
  expect(member.phase).toBe('joining')
})
