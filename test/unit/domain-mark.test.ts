import { expect, test } from 'vitest'
import { toMark } from '../../src/domain/mark.ts'

const top = { outcomeId: '7:0', state: 'live', bidText: '0.45', askText: '0.46' }

test('a mark is the exact middle of the outcome’s own best prices', () => {
  expect(toMark(top, false)).toEqual({ outcomeId: '7:0', state: 'mid', priceText: '0.455' })
  expect(toMark({ ...top, state: 'unverified', bidText: '0.000001', askText: '0.000002' }, false).priceText).toBe('0.0000015') // prettier-ignore
})

test('where there is no middle nothing is invented: it says why', () => {
  expect(toMark({ ...top, bidText: undefined }, false)).toEqual({ outcomeId: '7:0', state: 'one_sided', priceText: undefined }) // prettier-ignore
  expect(toMark({ ...top, askText: undefined }, false).state).toBe('one_sided')
  expect(toMark({ ...top, bidText: '0.46' }, false).state).toBe('crossed')
  expect(toMark(top, true)).toMatchObject({ state: 'gap', priceText: undefined })
  for (const state of [undefined, 'starting', 'stale', 'paused', 'stopped', 'resolved'])
    expect(toMark({ ...top, state }, false)).toMatchObject({ state: 'not_live', priceText: undefined })
})
