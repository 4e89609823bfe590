import { expect, test } from 'vitest'
import { resolutionOf } from '../../src/venue/polymarket/gamma-resolution.ts'

const ending = (outcomePrices: string[] | undefined, more: Partial<Parameters<typeof resolutionOf>[0]> = {}) => ({
  closed: true,
  outcomes: ['Yes', 'No'],
  outcomePrices,
  ...more,
})
const payoutsOf = (...given: Parameters<typeof ending>): string[] | undefined => resolutionOf(ending(...given))?.payouts

test.each([
  ['a winner that UMA settled', ['0', '1'], 'resolved', ['0', '1']],
  ['halves', ['0.5', '0.5'], 'settled', ['0.5', '0.5']],
  ['a winner without a word of UMA', ['1', '0'], undefined, ['1', '0']],
  ['other parts that UMA settled', ['0.25', '0.75'], 'resolved', ['0.25', '0.75']],
  ['34 digits of a scalar market', ['0.5843311669077693146635445446077281', '0.4156688330922306853364554553922719'], 'resolved', ['0.584331', '0.415668']], // prettier-ignore
])('%s are payouts', (_, prices, umaResolutionStatus, payouts) => {
  expect(payoutsOf(prices, { umaResolutionStatus })).toEqual(payouts)
})

test.each([
  ['of a market that is open', ending(['1', '0'], { closed: false })],
  ['that are only proposed', ending(['1', '0'], { umaResolutionStatus: 'proposed' })],
  ['that are disputed', ending(['0.5', '0.5'], { umaResolutionStatus: 'disputed' })],
  ['where trading stopped', ending(['0.3', '0.7'])],
  ['that are all nothing', ending(['0', '0'], { umaResolutionStatus: 'resolved' })],
  ['that are more than the stake', ending(['1', '1'], { umaResolutionStatus: 'resolved' })],
  ['above 1', ending(['2', '-1'], { umaResolutionStatus: 'resolved' })],
  ['of one outcome of two', ending(['1'], { umaResolutionStatus: 'resolved' })],
  ['that are no numbers', ending(['1', '0.x'], { umaResolutionStatus: 'resolved' })],
  ['that are not told', ending(undefined, { umaResolutionStatus: 'resolved' })],
])('prices %s are none', (_, given) => {
  expect(resolutionOf(given)).toBeUndefined()
})

test('the time is that of the close, which is not ISO, or of UMA', () => {
  const at = (more: object): number | undefined => resolutionOf(ending(['1', '0'], more))?.resolvedTimeMs
  expect(at({ closedTime: '2026-03-19 23:20:15+00' })).toBe(Date.UTC(2026, 2, 19, 23, 20, 15))
  expect(at({ closedTime: '2026-03-19T23:20:15Z' })).toBe(Date.UTC(2026, 2, 19, 23, 20, 15))
  expect(at({ umaEndDate: '2026-03-19T23:20:16Z' })).toBe(Date.UTC(2026, 2, 19, 23, 20, 16))
  expect(at({ closedTime: 'soon' })).toBeUndefined()
})
