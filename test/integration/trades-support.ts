import { ActivityCancellationDetails } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { Redis } from 'ioredis'
import { createTradesActivities } from '../../src/activities/trades.ts'
import { readConfig } from '../../src/config.ts'
import { toMillionths } from '../../src/domain/decimal.ts'
import { desiredKey, FEED_GROUPS_KEY, TRADES_STREAM } from '../../src/domain/keys.ts'
import { openEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/emulator.ts'
import type { LedgerTrade } from '../../src/emulator/ledger.ts'
import { createReports } from '../../src/heartbeats/reporter.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { parseDataActivity, parseDataTrade } from '../../src/venue/polymarket/data-mapper.ts'
import { openRedis } from '../support/services.ts'
import { openClient } from '../unit/emulator-receiver.ts'
import { framesOf, readStream, signing } from './feed-support.ts'

const silent = createLog('feed', process.env['LOG_LEVEL'] ?? 'silent')

/** Fills by (transaction, token, side, price, size): how many are equal. */
type Fills = Map<string, number>

const keyOf = (hash: string, token: string, side: string, price: string, size: string): string =>
  [hash, token, side.toLowerCase(), toMillionths(price), toMillionths(size)].join(' ')

export const ledgerFills = (trades: LedgerTrade[]): Fills => {
  const fills: Fills = new Map()
  for (const trade of trades) {
    const key = keyOf(trade.transactionHash, trade.token, trade.side, trade.price, trade.size)
    fills.set(key, (fills.get(key) ?? 0) + 1)
  }
  return fills
}

/** Of all scans the highest ordinal counts; whatever came again changes nothing. */
export const streamFills = async (redis: Redis): Promise<Fills> => {
  const fills: Fills = new Map()
  for (const { kind, text } of framesOf(await readStream(redis, TRADES_STREAM))) {
    if (kind !== 'data_trade') continue
    const parsed = parseDataTrade(text)
    if (parsed.type === 'rejected') throw new Error(parsed.detail)
    const { transactionHash, token, takerSide, priceText, sizeText, ordinal } = parsed.trade
    const key = keyOf(transactionHash, token, takerSide, priceText, sizeText)
    fills.set(key, Math.max(fills.get(key) ?? 0, ordinal + 1))
  }
  return fills
}

export const streamActivities = async (redis: Redis) =>
  framesOf(await readStream(redis, TRADES_STREAM)).flatMap(({ kind, text }) => {
    if (kind !== 'data_activity') return []
    const parsed = parseDataActivity(text)
    if (parsed.type === 'rejected') throw new Error(parsed.detail)
    return [parsed.activity]
  })

/** Emulator and Redis, with a subscriber so that the order flow has someone to trade for. */
export const openTradesBench = async (options: Partial<EmulatorOptions>, variables: NodeJS.ProcessEnv = {}) => {
  const server = await openRedis()
  const emulator = await openEmulator({ marketCount: 4, rate: 0, tradeShare: 0.5, ...options })
  const client = await openClient(emulator.urls.ws)
  await client.subscribe(emulator.catalogue.markets.flatMap((market) => market.tokens.map(({ token }) => token)))
  const redis = new Redis(server.url, { maxRetriesPerRequest: 3, retryStrategy: () => 100 })
  redis.on('error', () => undefined)
  const stats = createStats()
  const heartbeats = createReports()
  const config = readConfig({ POLYMARKET_DATA_URL: emulator.urls.data, TRADES_POLL_MS: '50', ...variables })
  const { runTrades } = createTradesActivities({ redis, config, signing, heartbeats, log: silent, stats })
  return {
    server,
    emulator,
    redis,
    stats,
    heartbeats,
    config,
    /** Markets that are recorded from now on. */
    record: async (marketIds: string[], state = 'active') => {
      for (const marketId of marketIds) {
        const { conditionId, tokens } = emulator.catalogue.byKey({ marketId }) ?? { conditionId: '', tokens: [] }
        const wanted = {
          marketId,
          conditionId,
          tokens: tokens.map(({ token }) => token),
          state,
          depth: 0,
          generation: 1,
        }
        await redis.hset(desiredKey(0), marketId, JSON.stringify(wanted))
        await redis.hset(FEED_GROUPS_KEY, marketId, '0')
      }
    },
    /** An attempt of the activity; `stop` is what its workflow does, `lose` what a dying worker does. */
    start: () => {
      const environment = new MockActivityEnvironment()
      const beats: number[] = []
      environment.on('heartbeat', () => beats.push(Date.now()))
      const done = environment.run(runTrades)
      done.catch(() => undefined)
      const end = async (details: ConstructorParameters<typeof ActivityCancellationDetails>[0]): Promise<void> => {
        environment.cancel('CANCELLED', new ActivityCancellationDetails(details))
        await done.catch(() => undefined)
      }
      return {
        beats,
        done,
        stop: () => end({ cancelRequested: true }),
        lose: () => end({ workerShutdown: true }),
      }
    },
    [Symbol.asyncDispose]: async () => {
      client[Symbol.dispose]()
      await emulator[Symbol.asyncDispose]()
      redis.disconnect()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Trades of the flow, spread over the time until `untilMs` from now. */
export const trade = async (emulator: Emulator, actions: number, restMs: number): Promise<void> => {
  for (let at = 0; at < actions; at++) {
    emulator.step(1)
    emulator.settle()
    if (at % 20 === 0) await new Promise((resolve) => setTimeout(resolve, restMs))
  }
  while (emulator.settle() > 0) await new Promise((resolve) => setTimeout(resolve, 20))
}
