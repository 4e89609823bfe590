import { afterEach, expect, test, vi } from 'vitest'
import type { PlacedSubscription } from '../../src/domain/subscription.ts'
import { createDesireReader, type Desires } from '../../src/feed/desired.ts'
import { Gate } from '../../src/feed/gate.ts'
import type { Member } from '../../src/feed/market.ts'

const textOf = (marketId: string, more: Partial<PlacedSubscription> = {}): string =>
  JSON.stringify({
    marketId,
    conditionId: `0x${marketId}`,
    tokens: [`${marketId}0`, `${marketId}1`],
    state: 'active',
    depth: 0,
    generation: 1,
    ...more,
  })

const desiresOf = (hash: Record<string, string>): Desires => ({
  hash,
  epochs: new Map(),
  everything: undefined,
  shed: undefined,
})

const openReader = () => {
  const members = new Map<string, Member>()
  return { members, read: createDesireReader(members, new Gate()) }
}

const idsOf = (members: Member[]): string[] => members.map(({ desired }) => desired.marketId)

afterEach(() => {
  vi.restoreAllMocks()
})

test('of a hash that is read again only what has changed is parsed', () => {
  const { members, read } = openReader()
  const hash = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [String(at), textOf(String(at))]))
  expect(read(desiresOf(hash)).changed.length).toBe(100)
  const parse = vi.spyOn(JSON, 'parse')
  expect(read(desiresOf({ ...hash }))).toEqual({ changed: [], removed: [], unknown: [] })
  expect(parse).not.toHaveBeenCalled()
  const { changed } = read(desiresOf({ ...hash, 7: textOf('7', { state: 'paused', generation: 2 }) }))
  expect(idsOf(changed)).toEqual(['7'])
  expect(parse).toHaveBeenCalledTimes(1)
  expect(members.get('7')?.desired.state).toBe('paused')
  read(desiresOf(hash))
  expect(members.get('7')?.desired, 'a copy that went back').toMatchObject({ state: 'paused', generation: 2 })
})

test('a copy that went back is unknown each time it is read, and so is a field that is missing', () => {
  const { read } = openReader()
  read(desiresOf({ 1: textOf('1', { generation: 2 }), 2: textOf('2') }))
  const old = desiresOf({ 1: textOf('1') })
  for (let reading = 0; reading < 3; reading++) expect(read(old).unknown).toEqual(['1', '2'])
  expect(read(desiresOf({})).unknown).toEqual(['*'])
})

test('a market that was taken over is asked to move again while its desire still says so', () => {
  const { members, read } = openReader()
  const hash = { 1: textOf('1', { passage: { type: 'arriving', from: 3 } }) }
  read(desiresOf(hash))
  const member = members.get('1')
  if (member === undefined) throw new Error('no member')
  const { passage: _, ...asked } = member.asked
  member.asked = asked
  expect(idsOf(read(desiresOf(hash)).changed)).toEqual(['1'])
  expect(member.asked.passage).toEqual({ type: 'arriving', from: 3 })
})

test('what is no desire is passed over, however often it is read', () => {
  const { read } = openReader()
  const hash = { 1: textOf('1'), 2: '{', 3: '{}' }
  expect(idsOf(read(desiresOf(hash)).changed)).toEqual(['1'])
  expect(read(desiresOf(hash))).toEqual({ changed: [], removed: [], unknown: [] })
})
