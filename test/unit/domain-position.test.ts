import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  activityMove,
  advance,
  compareMoves,
  EMPTY_POSITION,
  EMPTY_STATE,
  fillMove,
  foldMoves,
  startFor,
  type Move,
  type Position,
} from '../../src/domain/position.ts'

const buy = (sizeText: string, priceText: string, second = 1): Move =>
  fillMove({ side: 'buy', sizeText, priceText, second })
const sell = (sizeText: string, priceText: string, second = 1): Move =>
  fillMove({ side: 'sell', sizeText, priceText, second })
const dollars = (text: string): bigint => BigInt(Math.round(Number(text) * 1e6)) * 1_000_000n
const shares = (count: number): bigint => BigInt(count) * 1_000_000n

const move: fc.Arbitrary<Move> = fc.record({
  second: fc.integer({ min: 0, max: 300 }),
  direction: fc.constantFrom('in', 'out'),
  shares: fc.bigInt({ min: 1n, max: 40n }),
  money: fc.bigInt({ min: 0n, max: 1_000n }),
})

test('what is sold earns the difference to the average cost of what is held, which stays as it is', () => {
  const state = foldMoves(EMPTY_STATE, [buy('10', '0.2', 1), buy('30', '0.6', 2), sell('20', '0.75', 3)])
  expect(state).toMatchObject({ held: shares(20), cost: dollars('10'), tradingPnl: dollars('5'), moves: 3 })
})

test('shares that were not seen to come in earn nothing and are told apart', () => {
  const state = foldMoves(EMPTY_STATE, [buy('10', '0.2', 1), sell('40', '0.5', 2)])
  expect(state).toMatchObject({ held: 0n, cost: 0n, tradingPnl: dollars('3') })
  expect(state).toMatchObject({ unseen: shares(30), unseenProceeds: dollars('15') })
})

test('within a second what comes in comes first: a purchase and its sale need no order of the source', () => {
  expect(foldMoves(EMPTY_STATE, [sell('10', '0.5'), buy('10', '0.4')])).toMatchObject({ unseen: 0n, tradingPnl: dollars('1') }) // prettier-ignore
})

test('a split costs each outcome an equal part, a merge brings it back', () => {
  const split = activityMove({ type: 'split', sizeText: '10', usdcText: '10', outcomeCount: 2, second: 1 })
  const merge = activityMove({ type: 'merge', sizeText: '4', usdcText: '4', outcomeCount: 2, second: 2 })
  expect(foldMoves(EMPTY_STATE, [split, merge])).toMatchObject({ held: shares(6), cost: dollars('3'), tradingPnl: 0n })
  const thirds = activityMove({ type: 'split', sizeText: '1', usdcText: '1', outcomeCount: 3, second: 1 })
  expect(thirds.money).toBe(333_333_333_333n)
})

test('shares and money are never made or lost: what came in is held, went out or was earned', () => {
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      const state = foldMoves(EMPTY_STATE, moves)
      const sum = (direction: Move['direction'], of: 'shares' | 'money') =>
        moves.reduce((total, one) => (one.direction === direction ? total + one[of] : total), 0n)
      expect(state.held).toBe(sum('in', 'shares') - sum('out', 'shares') + state.unseen)
      expect(state.tradingPnl - state.cost + state.unseenProceeds).toBe(sum('out', 'money') - sum('in', 'money'))
      expect(state.held >= 0n && state.cost >= 0n && state.unseen >= 0n).toBe(true)
    }),
  )
})

/** Arrivals one after the other, each as the store takes it: on from the state, from a base, or all anew. */
const arrive = (batches: Move[][]): { position: Position; refolds: number; mostRead: number } => {
  let position = EMPTY_POSITION
  let known: Move[] = []
  let [refolds, mostRead] = [0, 0]
  for (const batch of batches) {
    if (batch.length === 0) continue
    known = [...known, ...batch]
    const start = startFor(position, Math.min(...batch.map(({ second }) => second)))
    const moves = start === position ? batch : known.filter(({ second }) => second > start.state.second)
    if (start === EMPTY_POSITION) refolds += 1
    mostRead = Math.max(mostRead, moves.length)
    position = advance(start, moves)
  }
  return { position, refolds, mostRead }
}

const equalCopies = fc.array(fc.tuple(move, fc.integer({ min: 1, max: 3 })), { maxLength: 200 })
const batches = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })

test('in whatever order and batches moves arrive, the position is the one of the sorted moves, and so is its base', () => {
  const shuffled = equalCopies.chain((some) => {
    const moves = some.flatMap(([one, count]) => Array.from({ length: count }, () => one))
    return fc.tuple(fc.shuffledSubarray(moves, { minLength: moves.length }), batches)
  })
  fc.assert(
    fc.property(shuffled, ([moves, sizes]) => {
      const parts: Move[][] = []
      for (let at = 0, turn = 0; at < moves.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1
        parts.push(moves.slice(at, at + size))
        at += size
      }
      const { position } = arrive(parts)
      expect(position.state).toEqual(foldMoves(EMPTY_STATE, moves))
      const { base, next } = position
      for (const one of [base, next]) {
        if (one !== undefined) expect(one).toEqual(foldMoves(EMPTY_STATE, moves.filter(({ second }) => second <= one.second))) // prettier-ignore
      }
    }),
    { numRuns: 300 },
  )
})

test('a move that comes a minute late is put in its place without reading all that came before', () => {
  const moves = Array.from({ length: 1_000 }, (_, at) => buy('1', '0.5', at))
  const late = moves.filter(({ second }) => second % 10 === 0)
  const inTime = moves.filter((one) => !late.includes(one))
  const due = (one: Move): number => one.second + (late.includes(one) ? 60 : 0)
  const arrivals = [...inTime, ...late].toSorted((left, right) => due(left) - due(right))
  const { position, refolds } = arrive(arrivals.map((one) => [one]))
  expect(position.state).toEqual(foldMoves(EMPTY_STATE, moves))
  // Until the first base there is nothing to go on from.
  expect(refolds).toBeLessThan(25)
})

test('of a wallet that moves every few seconds too a base forms: a late move never has all read that came before', () => {
  const inTime = Array.from({ length: 2_000 }, (_, at) => buy('1', '0.5', 1_000 + at * 5))
  const { position } = arrive(inTime.map((one) => [one]))
  expect(position.base?.second).toBeGreaterThan(10_000)
  const late = buy('1', '0.4', 10_950)
  const { mostRead } = arrive([...inTime.map((one) => [one]), [late]])
  expect(mostRead).toBeLessThan(200)
})

test('the order of moves does not depend on where they stood before', () => {
  fc.assert(
    fc.property(fc.array(move), (moves) => {
      expect(moves.toReversed().toSorted(compareMoves)).toEqual(moves.toSorted(compareMoves))
    }),
  )
})
