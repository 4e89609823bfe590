import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Book, type BookLevels, type LevelChange } from '../../src/domain/book.ts'
import type { Level, Side } from '../../src/domain/book-side.ts'
import { toMillionths } from '../../src/domain/decimal.ts'

const identity = {
  conditionId: '0x1',
  token: '7',
  minOrderSize: '5',
  tickSize: '0.01',
  negRisk: false,
  version: undefined,
}

const levelOf = (priceText: string, sizeText: string): Level => ({
  price: toMillionths(priceText) ?? Number.NaN,
  size: toMillionths(sizeText) ?? Number.NaN,
  priceText,
  sizeText,
})
/** Few prices, each in several spellings, so that levels meet. */
const priceText = fc.constantFrom('0.1', '0.10', '0.2', '0.25', '0.250', '0.3', '0.4', '0.999', '0.0001')
const sizeText = fc.constantFrom('1', '1.0', '2', '30', '918.34', '0.000001')
const level = fc.tuple(priceText, sizeText).map(([price, size]) => levelOf(price, size))
const levels = fc.array(level, { maxLength: 8 })
const book = fc.record({ bids: levels, asks: levels })
const side = fc.constantFrom<Side>('bid', 'ask')
const change = fc
  .tuple(side, priceText, fc.oneof(sizeText, fc.constantFrom('0', '0.0')))
  .map(([of, price, size]): LevelChange => ({ side: of, level: levelOf(price, size) }))
const step = fc.oneof(
  { weight: 1, arbitrary: book.map((given) => ({ type: 'book' as const, levels: given })) },
  { weight: 8, arbitrary: change.map((given) => ({ type: 'change' as const, change: given })) },
)

type Oracle = Record<Side, Map<number, Level>>
const emptyOracle = (): Oracle => ({ bid: new Map(), ask: new Map() })

const replaceOracle = (given: BookLevels): Oracle => {
  const oracle = emptyOracle()
  for (const one of given.bids) oracle.bid.set(one.price, one)
  for (const one of given.asks) oracle.ask.set(one.price, one)
  return oracle
}

const applyToOracle = (oracle: Oracle, { side: of, level: given }: LevelChange): boolean => {
  const before = oracle[of].get(given.price)?.size ?? 0
  if (given.size === 0) oracle[of].delete(given.price)
  else oracle[of].set(given.price, given)
  return before !== given.size
}

/** Best first. */
const sorted = (oracle: Oracle, of: Side): Level[] =>
  [...oracle[of].values()].toSorted((left, right) =>
    of === 'bid' ? right.price - left.price : left.price - right.price,
  )

const json = (given: Level[]): string =>
  given.map((one) => JSON.stringify({ price: one.priceText, size: one.sizeText })).join(',')

const play = (steps: (typeof step extends fc.Arbitrary<infer T> ? T : never)[]): { book: Book; oracle: Oracle } => {
  const played = new Book(identity)
  let oracle = emptyOracle()
  for (const one of steps) {
    if (one.type === 'book') {
      played.replace(one.levels)
      oracle = replaceOracle(one.levels)
    } else expect(played.apply(one.change)).toBe(applyToOracle(oracle, one.change))
  }
  return { book: played, oracle }
}

test('after any books and changes the book holds what a plain map holds, best first, texts as received', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 4 }), (steps, count) => {
      const { book: played, oracle } = play(steps)
      const expected = { bids: sorted(oracle, 'bid'), asks: sorted(oracle, 'ask') }
      expect(played.best()).toMatchObject({ bid: expected.bids[0], ask: expected.asks[0] })
      expect(played.top(0)).toMatchObject(expected)
      expect(played.top(count)).toMatchObject({
        bids: expected.bids.slice(0, count),
        asks: expected.asks.slice(0, count),
      })
      expect(played.bids.json()).toBe(json(expected.bids.toReversed()))
      expect(played.asks.json()).toBe(json(expected.asks.toReversed()))
    }),
  )
})

test('the difference turns one book into the other, names no level twice and none that stays as it is', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), book, (steps, wanted) => {
      const { book: played } = play(steps)
      const changes = played.difference(wanted)
      const names = changes.map((one) => `${one.side} ${one.level.price}`)
      expect(new Set(names).size).toBe(names.length)
      for (const one of changes) expect(played.apply(one)).toBe(true)
      const value = (given: Level[]) => given.map(({ price, size }) => ({ price, size }))
      const oracle = replaceOracle(wanted)
      expect(value(played.top(0).bids)).toEqual(value(sorted(oracle, 'bid')))
      expect(value(played.top(0).asks)).toEqual(value(sorted(oracle, 'ask')))
    }),
  )
})

test('a price that a book names twice is held once, as named last', () => {
  const held = new Book(identity)
  held.replace({ bids: [levelOf('0.5', '10'), levelOf('0.50', '20')], asks: [] })
  expect(held.top(0).bids).toMatchObject([{ priceText: '0.50', sizeText: '20' }])
})
