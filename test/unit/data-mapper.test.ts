import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toMillionths } from '../../src/domain/decimal.ts'
import { splitArray } from '../../src/lib/json-elements.ts'
import { toAmountText } from '../../src/venue/polymarket/data-amount.ts'
import { parseDataActivity, parseDataTrade } from '../../src/venue/polymarket/data-mapper.ts'

const WALLET = '0xE0904e088f7c17f72c97f1f87c9fa13dafbdc8ea'
const V1 = `{"proxyWallet":"${WALLET}","side":"SELL","asset":"217","conditionId":"0xdd","size":5.40,"price":0.998,"timestamp":1729000180,"title":"a \\"9\\" b","transactionHash":"0xab"}`
const V2 = `{"proxy_wallet":"${WALLET}","side":"BUY","token_id":"217","condition_id":"0xdd","size":918.340001,"price":0.47,"timestamp":1729000180,"outcome_index":999,"transaction_hash":"0xab"}`
const ACTIVITY = `{"proxyWallet":"${WALLET}","timestamp":1729000180,"conditionId":"0xdd","type":"REDEEM","size":10.5,"usdcSize":10.5,"transactionHash":"0xcd","outcomeIndex":999}`

const wrap = (raw: string, ordinal = 0): string => `{"ordinal":${ordinal},"raw":${raw}}`
const tradeOf = (raw: string, ordinal = 0) => {
  const parsed = parseDataTrade(wrap(raw, ordinal))
  if (parsed.type === 'rejected') throw new Error(parsed.detail)
  return parsed.trade
}

test('a trade of v1 and of v2 is the same fill, its numbers the texts as received', () => {
  expect(tradeOf(V1, 3)).toEqual({
    conditionId: '0xdd',
    token: '217',
    wallet: WALLET.toLowerCase(),
    takerSide: 'sell',
    priceText: '0.998',
    sizeText: '5.40',
    exchangeTimeMs: 1_729_000_180_000,
    transactionHash: '0xab',
    ordinal: 3,
    source: 'data_api',
  })
  expect(tradeOf(V2)).toMatchObject({ token: '217', takerSide: 'buy', priceText: '0.47', sizeText: '918.340001' })
})

const captures = process.env['POLYTAPE_CAPTURES']
if (captures === undefined) console.warn('skipped: POLYTAPE_CAPTURES is not set, so no recorded trade is read')

test.skipIf(captures === undefined)('trades that were recorded from the venue are read', () => {
  const elements = splitArray(readFileSync(`${captures}/single/data_api_trades_page.json`, 'utf8')) ?? []
  expect(elements.length).toBeGreaterThan(1)
  for (const element of elements) expect(tradeOf(element).wallet).toMatch(/^0x[0-9a-f]{40}$/)
})

test('a trade without a wallet is a trade', () => {
  expect(tradeOf(V1.replace(WALLET, '')).wallet).toBeUndefined()
  expect(tradeOf(V1.replace(`"proxyWallet":"${WALLET}",`, '')).wallet).toBeUndefined()
})

test.each([
  ['a price above 1', V1.replace('0.998', '1.01'), 'price: expected a price within 0 and 1'],
  ['a negative size', V1.replace('5.40', '-5'), 'size: expected a decimal, came "-5"'],
  ['a size of 0', V1.replace('5.40', '0.0'), 'size: expected a size above 0'],
  ['milliseconds', V1.replace('1729000180', '1729000180000'), 'timestamp: expected whole seconds'],
  ['a side that is none', V1.replace('SELL', 'HOLD'), 'side: expected BUY or SELL'],
  ['a wallet that is none', V1.replace(WALLET, '0x12'), 'proxyWallet: expected 0x and 40 hex digits'],
  ['a hash with a NUL', V1.replace('0xab', '0x\\u0000'), 'transactionHash: expected 1 to 128 visible ASCII'],
  ['no hash', V2.replace('"0xab"', 'null'), 'transaction_hash: '],
  ['a number', '7', 'raw: '],
  ['half an object', '{"side":', 'expected JSON, came'],
])('%s is rejected with what was expected and what came', (_, raw, detail) => {
  const parsed = parseDataTrade(wrap(raw))
  expect(parsed).toMatchObject({ type: 'rejected' })
  if (parsed.type === 'rejected') expect(parsed.detail).toContain(detail)
})

test('no text at all makes a parser throw', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.json().map((raw) => wrap(raw)),
      ),
      (text) => {
        expect(['rejected', 'trade']).toContain(parseDataTrade(text).type)
        expect(['rejected', 'activity']).toContain(parseDataActivity(text).type)
      },
    ),
  )
})

test('what is nested too deeply to be told again is rejected as anything else', () => {
  const deep = '['.repeat(10_000) + ']'.repeat(10_000)
  const raw = `{"proxyWallet":${deep}}`
  for (const parsed of [parseDataTrade(wrap(raw)), parseDataActivity(wrap(raw)), parseDataTrade(wrap(deep))]) {
    expect(parsed).toMatchObject({ type: 'rejected', detail: expect.stringContaining('; came {"ordinal":0,"raw":') })
    if (parsed.type === 'rejected') expect(parsed.detail.length).toBeLessThan(2_000)
  }
})

test('a redemption, a split, a merge and a conversion are activity, anything else is rejected', () => {
  expect(parseDataActivity(wrap(ACTIVITY))).toEqual({
    type: 'activity',
    activity: {
      type: 'redeem',
      conditionId: '0xdd',
      wallet: WALLET.toLowerCase(),
      sizeText: '10.5',
      usdcText: '10.5',
      outcomeIndex: undefined,
      exchangeTimeMs: 1_729_000_180_000,
      transactionHash: '0xcd',
      ordinal: 0,
    },
  })
  for (const type of ['SPLIT', 'MERGE', 'CONVERSION']) {
    const parsed = parseDataActivity(wrap(ACTIVITY.replace('REDEEM', type)))
    expect(parsed).toMatchObject({ activity: { type: type.toLowerCase() } })
  }
  expect(parseDataActivity(wrap(ACTIVITY.replace('REDEEM', 'TRADE')))).toMatchObject({ type: 'rejected' })
})

test('an outcome index is kept, and activity in snake case is read', () => {
  const raw = `{"proxy_wallet":"${WALLET}","timestamp":1,"condition_id":"0xdd","type":"MERGE","size":1,"usdc_size":1.0,"transaction_hash":"0xcd","outcome_index":1}`
  expect(parseDataActivity(wrap(raw, 2))).toMatchObject({ activity: { outcomeIndex: 1, usdcText: '1.0', ordinal: 2 } })
})

test('a number with noise or an exponent becomes the millionth that was meant', () => {
  expect(toAmountText('0.47000000037')).toBe('0.47')
  expect(toAmountText('0.46999999999999997')).toBe('0.47')
  expect(toAmountText('1e-06')).toBe('0.000001')
  expect(toAmountText('1.5e3')).toBe('1500')
  expect(toAmountText('0.9999999')).toBe('1')
  expect(toAmountText('99999999999')).toBeUndefined()
  expect(toAmountText('1e99')).toBeUndefined()
})

test('the text of any number of millionths comes back by value, however it is written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (millionths) => {
      const value = millionths / 1e6
      for (const text of [String(value), value.toExponential(), value.toFixed(9)]) {
        expect(toMillionths(toAmountText(text) ?? '')).toBe(millionths)
      }
    }),
  )
})
