import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planMoves } from '../../src/domain/packing.ts'

const groupsOf = (...sizes: number[]): Map<number, string[]> =>
  new Map(sizes.map((size, group) => [group, Array.from({ length: size }, (_, at) => `${group}-${at}`)]))

const apply = (groups: Map<number, string[]>, limit: number): Map<number, string[]> => {
  const after = new Map([...groups].map(([group, ids]) => [group, [...ids]]))
  for (const { marketId, from, to } of planMoves(groups, limit)) {
    after.set(from, (after.get(from) ?? []).filter((id) => id !== marketId)) // prettier-ignore
    after.set(to, [...(after.get(to) ?? []), marketId])
  }
  for (const [group, ids] of after) if (ids.length === 0) after.delete(group)
  return after
}

test('full groups, and holes that save no group, move nothing', () => {
  expect(planMoves(groupsOf(100, 100, 60), 100)).toEqual([])
  expect(planMoves(groupsOf(1, 1, 1), 1)).toEqual([])
  expect(planMoves(new Map(), 100)).toEqual([])
})

test('a group is given up only where a quarter of one stays free in the others', () => {
  expect(planMoves(groupsOf(70, 70, 36), 100)).toEqual([])
  const moves = planMoves(groupsOf(70, 70, 35), 100)
  expect(moves.length).toBe(35)
  expect(moves.every(({ from, to }) => from === 2 && to < 2)).toBe(true)
})

test('of a group that holds too many just those move, into holes first', () => {
  const moves = planMoves(groupsOf(103, 98), 100)
  expect(moves).toEqual([
    { marketId: '0-100', from: 0, to: 1 },
    { marketId: '0-101', from: 0, to: 1 },
    { marketId: '0-102', from: 0, to: 2 },
  ])
})

test('with one market a group every other one gets a group of its own', () => {
  const after = apply(groupsOf(4, 1), 1)
  expect([...after.values()].map((ids) => ids.length)).toEqual([1, 1, 1, 1, 1])
})

test('no move is lost, no group overflows, and repeated planning comes to rest', () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 20 }), (some, limit) => {
      let groups = groupsOf(...some)
      const all = [...groups.values()].flat().toSorted()
      for (let round = 0; round < 20 && planMoves(groups, limit).length > 0; round++) groups = apply(groups, limit)
      expect(planMoves(groups, limit)).toEqual([])
      expect([...groups.values()].flat().toSorted()).toEqual(all)
      expect(Math.max(...[...groups.values()].map((ids) => ids.length))).toBeLessThanOrEqual(limit)
    }),
  )
})
