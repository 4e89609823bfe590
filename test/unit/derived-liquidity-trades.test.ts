import { describe, expect, test } from 'vitest'
import { toLevelTrades } from '../../src/derived/liquidity-trades.ts'
import { OutcomeLiquidity } from '../../src/derived/liquidity.ts'
import type { FillRow } from '../../src/normalizer/batch.ts'

describe('a trade and its decrease', () => {
  const levels = (play: (liquidity: OutcomeLiquidity) => void) => {
    const liquidity = new OutcomeLiquidity()
    play(liquidity)
    return liquidity.close(Infinity).map(({ side, price, added, removed, traded, startTimeMs, part }) => {
      return `${startTimeMs}/${part} ${side} ${price}: +${added} -${removed} traded ${traded}`
    })
  }

  test('meet though the trade is told 90 ms after the book, in the next second', () => {
    const told = levels((liquidity) => {
      liquidity.change('ask', 510_000, -20, 9_950)
      liquidity.trade({ timeMs: 10_040, side: 'ask', price: 510_000, size: 20 })
    })
    expect(told).toEqual(['9000/0 ask 510000: +0 -0 traded 20'])
  })

  test('meet though the trade is told first', () => {
    const told = levels((liquidity) => {
      liquidity.trade({ timeMs: 9_950, side: 'ask', price: 510_000, size: 20 })
      liquidity.change('ask', 510_000, -25, 9_958)
    })
    expect(told).toEqual(['9000/0 ask 510000: +0 -5 traded 20'])
  })

  test('leave a cancellation of another size, of another side or of longer ago what it is', () => {
    const told = levels((liquidity) => {
      liquidity.change('ask', 510_000, -7, 8_300)
      liquidity.change('ask', 510_000, -20, 8_600)
      liquidity.change('ask', 510_000, -3, 8_700)
      liquidity.change('bid', 510_000, -20, 8_700)
      liquidity.trade({ timeMs: 8_850, side: 'ask', price: 510_000, size: 20 })
      liquidity.trade({ timeMs: 8_850, side: 'bid', price: 490_000, size: 20 })
    })
    expect(told).toEqual(['8000/0 ask 510000: +0 -10 traded 20', '8000/0 bid 510000: +0 -20 traded 0'])
  })

  test('invent nothing: of a trade that is larger than what was seen only that is told', () => {
    const told = levels((liquidity) => {
      liquidity.change('ask', 510_000, 5, 8_000)
      liquidity.change('ask', 510_000, -15, 8_010)
      liquidity.trade({ timeMs: 8_050, side: 'ask', price: 510_000, size: 20 })
    })
    expect(told).toEqual(['8000/0 ask 510000: +5 -0 traded 15'])
  })

  test('meet in both books: a buyer of one outcome takes the bids of the other', () => {
    const times = { capturedTimeMs: 8_000, exchangeTimeMs: 8_000, sourceReceivedTimeMs: undefined }
    const told = { priceText: '0.51', sizeText: '20', transactionHash: '0x', ordinal: 0, epoch: 'e' }
    const buy: FillRow = { ...times, ...told, marketId: '9', outcomeId: '9:1', side: 'buy' }
    const level = { timeMs: 8_000, size: 20_000_000 }
    expect(toLevelTrades(buy)).toEqual({
      takers: { ...level, side: 'ask', price: 510_000 },
      others: { ...level, side: 'bid', price: 490_000 },
    })
  })

  test('are not told twice, and a frame that comes after its second was told has a part of its own', () => {
    const liquidity = new OutcomeLiquidity()
    liquidity.change('bid', 400_000, 3, 8_100)
    expect(liquidity.close(9_500)).toEqual([])
    expect(liquidity.close(9_600)).toHaveLength(1)
    expect(liquidity.close(9_600)).toEqual([])
    liquidity.change('bid', 400_000, 4, 8_900)
    expect(liquidity.close(9_600)).toMatchObject([{ startTimeMs: 8_000, part: 1, added: 4 }])
  })
})
