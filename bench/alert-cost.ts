import { MarketRules } from '../src/alerts/market-rules.ts'
import type { RuleRow } from '../src/alerts/rule.ts'
import { newBatch } from '../src/normalizer/batch.ts'
import { fillKey } from '../src/normalizer/fill-key.ts'
import { ruleOf } from '../test/support/alert-rule.ts'
import { createAlertVenue, type Change } from '../test/support/alert-venue.ts'
import { outcomesOf, tokensOf } from '../test/support/normalizer-flow.ts'
import { newTapeOf, testMarket } from '../test/support/normalizer-tape.ts'

/** CPU a frame of one market's tape, each frame a read of its own, without rules and with twenty: no servers, one thread. */
const FRAMES = 60_000
const TURNS = 3
const [marketId, start] = ['1000', 50]
const cents = (price: number): string => (price / 100).toFixed(2)

const texts: string[] = []
const venue = createAlertVenue({ append: async (_, frames) => void texts.push(...frames.map(([, text]) => text)) })
const level = (at: number): Change[] => [['BUY', cents(start - at), '500'], ['SELL', cents(start + 2 + at), '500']] // prettier-ignore
await venue.quote(marketId, cents(start), cents(start + 2), '500')
await venue.batch(marketId, Array.from({ length: 9 }, (_, at) => level(at + 1)).flat())
for (let bid = start; texts.length < FRAMES;) {
  const dice = Math.random()
  const to = dice < 0.9 ? bid + 1 : bid - 1
  if (dice < 0.1) await venue.trade(marketId, String(Math.ceil(Math.random() * 1_000)), `0x${texts.length}`)
  else if (dice < 0.8)
    await venue.batch(marketId, [['BUY', cents(bid - (texts.length % 9)), String(100 + (texts.length % 900))]]) // prettier-ignore
  else if (to < 85 && to > 15) {
    await venue.batch(marketId, to > bid ? [['SELL', cents(bid + 2), '0'], ['BUY', cents(to), '500']] : [['BUY', cents(bid), '0'], ['SELL', cents(to + 2), '500']]) // prettier-ignore
    bid = to
  }
}

const prices = Array.from({ length: 10 }, (_, at): Partial<RuleRow> => ({
  condition: at % 2 === 0 ? 'price_above' : 'price_below',
  threshold: cents(10 + at * 8),
}))
const moves = [1, 2, 3].map((at) => ({ condition: 'move_pct', threshold: String(at * 5), windowMs: at * 30_000 }))
const others: Partial<RuleRow>[] = [
  { condition: 'spread_above', threshold: '0.02' },
  { condition: 'spread_above', threshold: '0.03' },
  { condition: 'depth_below', threshold: '700', side: 'bid', within: '0.05' },
  { condition: 'depth_below', threshold: '900' },
  { condition: 'trade_size_above', threshold: '900' },
  { condition: 'resolved' },
  { condition: 'feed_stale' },
]

const run = (rules: Partial<RuleRow>[]): number => {
  const outcomes = tokensOf(marketId).map((token, at) => ({
    outcomeId: outcomesOf(marketId)[at] ?? '',
    name: 'n',
    token,
  }))
  const conditionId = `0x${marketId.padStart(64, '0')}`
  const { tape } = newTapeOf({ ...testMarket, marketId, conditionId, outcomes })
  const held = new MarketRules(tape, { fillKey, now: Date.now, onCapped: () => undefined, onWaiting: () => undefined })
  const standing = { state: 'armed', crossing: 0, lastFiredTimeMs: undefined } as const
  rules.forEach((rule, at) => held.set(ruleOf({ ...rule, alertId: String(at), marketId }), standing))
  let [batch, crossings] = [newBatch(), 0]
  const startTimeMs = Date.now()
  const cpu = process.cpuUsage()
  texts.forEach((text, at) => {
    const frame = {
      kind: 'websocket',
      receivedTimeMs: startTimeMs + at,
      sourceReceivedTimeMs: undefined,
      text,
    } as const
    tape.apply({ stream: tape.stream, id: `${at + 1}-0`, epoch: 'e', firstOrdinal: at + 1, frames: [frame] }, batch)
    tape.proveEarly(batch)
    crossings += batch.alertEvents.splice(0).length
    if (at % 50 === 0) batch = newBatch()
  })
  const { user, system } = process.cpuUsage(cpu)
  const perFrame = (user + system) / texts.length
  console.log(`${rules.length} rules: ${perFrame.toFixed(1)} µs a frame, ${crossings} crossings`)
  return perFrame
}

const least = { without: Infinity, with: Infinity }
for (let turn = 0; turn < TURNS; turn++) {
  least.without = Math.min(least.without, run([]))
  least.with = Math.min(least.with, run([...prices, ...moves, ...others]))
}
console.log(
  `twenty rules cost ${(least.with - least.without).toFixed(1)} µs a frame (the least of ${TURNS} turns each)`,
)
