import { createMarketLiquidity } from '../src/derived/market-liquidity.ts'
import { createStats } from '../src/lib/stats.ts'
import { newBatch } from '../src/normalizer/batch.ts'
import { Judge } from '../src/normalizer/judge.ts'
import type { MarketListener } from '../src/normalizer/listener.ts'
import { MarketTape } from '../src/normalizer/market-tape.ts'
import { parseMarketMessage, parseRestBook } from '../src/venue/polymarket/mapper.ts'

/** What the liquidity events cost the normalizer's thread, in CPU time of the process: frames of two mirrored changes, and trades. */
const FRAMES = 50_000
const FRAMES_PER_SECOND = Number(process.argv[2] ?? '10')
const TRADE_EVERY = 50
const LEVELS = 40
const START_MS = 1_790_000_000_000

const stats = createStats()
const judge = new Judge({ stats, now: Date.now, shedLagMs: 0, searchHashesPerSecond: 0 })
const tokens = ['7001', '7002']

const tapeOf = (): MarketTape => {
  const outcomes = tokens.map((token, index) => ({ outcomeId: `9:${index}`, name: `n${index}`, token }))
  const inputs = { tickSize: '0.01', minOrderSize: '5', negRisk: false, version: undefined }
  const about = { slug: 's', question: 'q', status: 'active' as const, feeBps: undefined, endTimeMs: undefined }
  const market = { marketId: '9', conditionId: '0x09', outcomes, ...inputs, ...about }
  return new MarketTape(market, { parseMessage: parseMarketMessage, parseRestBook, judge, stats })
}

const centsOf = (at: number): number => 1 + (at % LEVELS)
const price = (cents: number): string => (cents / 100).toFixed(2)

const textOf = (at: number, timestamp: string): string => {
  const head = `"market":"0x09","timestamp":"${timestamp}"`
  if (at % TRADE_EVERY === 0) {
    const said = `"asset_id":"7001","price":"${price(centsOf(at))}","size":"20","side":"SELL","transaction_hash":"0x${at}"`
    return `{"event_type":"last_trade_price",${head},${said}}`
  }
  const change = (token: string, cents: number, side: string): string =>
    `{"asset_id":"${token}","price":"${price(cents)}","size":"${100 + (at % 7) * 20}","side":"${side}","hash":"h","best_bid":"","best_ask":""}`
  const changes = [change('7001', centsOf(at), 'BUY'), change('7002', 100 - centsOf(at), 'SELL')]
  return `{"event_type":"price_change",${head},"price_changes":[${changes.join(',')}]}`
}

const book = (token: string): string =>
  `{"event_type":"book","market":"0x09","asset_id":"${token}","timestamp":"${START_MS}","hash":"h","bids":[],"asks":[]}`

const entriesOf = (): { receivedTimeMs: number; text: string }[] => [
  ...tokens.map((token) => ({ receivedTimeMs: START_MS, text: book(token) })),
  ...Array.from({ length: FRAMES }, (_, at) => {
    const receivedTimeMs = START_MS + Math.floor((at * 1_000) / FRAMES_PER_SECOND)
    return { receivedTimeMs, text: textOf(at + 1, String(receivedTimeMs)) }
  }),
]
const entries = entriesOf()

const cpuMs = (sinceMs = 0): number => process.cpuUsage().user / 1_000 - sinceMs

const run = (isListening: boolean) => {
  const tape = tapeOf()
  const listener = createMarketLiquidity(tape, stats)
  if (isListening) tape.listeners.push(listener)
  let batch = newBatch()
  let events = 0
  const startMs = cpuMs()
  entries.forEach(({ receivedTimeMs, text }, index) => {
    const frames = [{ kind: 'websocket' as const, receivedTimeMs, sourceReceivedTimeMs: undefined, text }]
    tape.apply({ stream: tape.stream, id: `${index}-0`, epoch: 'e', firstOrdinal: index + 1, frames }, batch)
    if (index % 20 !== 0) return
    events += batch.liquidity.length
    batch = newBatch()
  })
  return { ms: cpuMs(startMs), events, listener }
}

/** What a commit of the market adds, with as much open as there is at this rate. */
const measureKeeping = ({ keep }: MarketListener) => {
  const rounds = 5_000
  const startMs = cpuMs()
  let keptBytes = 0
  for (let round = 0; round < rounds; round++) keptBytes += JSON.stringify(keep?.()).length
  return { ms: cpuMs(startMs) / rounds, keptBytes: Math.round(keptBytes / rounds) }
}

const best = (isListening: boolean) =>
  [1, 2, 3].map(() => run(isListening)).reduce((left, right) => (left.ms <= right.ms ? left : right))
const [without, listening] = [best(false), best(true)]
const keeping = measureKeeping(listening.listener)
const micros = (ms: number): string => `${(ms * 1_000).toFixed(1)} µs`
console.log(`${FRAMES_PER_SECOND} frames/s of one market, two changes each, a trade in ${TRADE_EVERY}; best of 3`)
console.log(`a frame without liquidity events  ${micros(without.ms / FRAMES)}`)
console.log(`what they add to a frame          ${micros((listening.ms - without.ms) / FRAMES)}`)
console.log(`what they add to a commit         ${micros(keeping.ms)}, ${keeping.keptBytes} bytes`)
console.log(`events a frame                    ${(listening.events / FRAMES).toFixed(2)}`)
