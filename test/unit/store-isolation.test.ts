import fc from 'fast-check'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { writeHalving, writeHalvingGroups, type Refused } from '../../src/store/isolation.ts'

class Refusal extends Error {
  readonly code = '23514'
}

/** Stands in for a transaction: savepoints, and a table that refuses some numbers. */
const openTable = (bad: ReadonlySet<number>) => {
  let rows: number[] = []
  let saved: number[] = []
  let tries = 0
  const query = (statement: string): Promise<unknown> => {
    if (statement.startsWith('savepoint')) saved = rows
    if (statement.startsWith('rollback')) rows = saved
    return Promise.resolve()
  }
  const write = (_: unknown, items: number[]): Promise<void> => {
    tries += 1
    rows = [...rows, ...items]
    return items.some((item) => bad.has(item)) ? Promise.reject(new Refusal('refused')) : Promise.resolve()
  }
  const client = { query } as unknown as pg.Client
  return { client, write, rows: () => rows, tries: () => tries }
}

const itemsOf = (refused: Refused<number>[]) => refused.flatMap((one) => one.items)
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)
const inOrder = (items: number[]) => items.toSorted((left, right) => left - right)

test('exactly the bad rows are refused, each by itself, where the tries suffice', async () => {
  const given = fc.record({ count: fc.nat(200), bad: fc.uniqueArray(fc.nat(220), { maxLength: 8 }) })
  await fc.assert(
    fc.asyncProperty(given, async ({ count, bad }) => {
      const table = openTable(new Set(bad))
      const refused = await writeHalving(table.client, numbers(count), table.write, { triesLeft: 256 })
      const expected = bad.filter((item) => item < count)
      expect(inOrder(itemsOf(refused))).toEqual(inOrder(expected))
      expect(refused.every(({ items, message }) => items.length === 1 && message === 'refused')).toBe(true)
      expect(inOrder(table.rows())).toEqual(numbers(count).filter((item) => !bad.includes(item)))
    }),
  )
})

test('whatever is refused, every row is either written or refused, and the tries are bounded', async () => {
  const given = fc.record({
    bad: fc.array(fc.nat(999), { maxLength: 900 }),
    triesLeft: fc.integer({ min: 1, max: 60 }),
  })
  await fc.assert(
    fc.asyncProperty(given, async ({ bad, triesLeft }) => {
      const table = openTable(new Set(bad))
      const refused = await writeHalving(table.client, numbers(1_000), table.write, { triesLeft })
      expect(inOrder([...table.rows(), ...itemsOf(refused)])).toEqual(numbers(1_000))
      expect(table.rows().some((item) => bad.includes(item))).toBe(false)
      // Once they are used up, each of the halves on the way back is tried once.
      expect(table.tries()).toBeLessThanOrEqual(triesLeft + 10)
    }),
  )
})

test('a group whose rows are all refused costs its neighbours nothing', async () => {
  const groups = [numbers(500), numbers(500).map((item) => item + 1_000), numbers(500).map((item) => item + 2_000)]
  const table = openTable(new Set([...numbers(500), 2_007]))
  const refused = await writeHalvingGroups(table.client, groups, table.write, { triesLeft: 256 })
  expect(inOrder(itemsOf(refused))).toEqual([...numbers(500), 2_007])
  expect(table.tries()).toBeLessThan(80)
})
