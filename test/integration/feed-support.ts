import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createShared, openFeedGroup, type FeedDeps } from '../../src/activities/feed-group.ts'
import { readConfig } from '../../src/config.ts'
import type { DesiredState } from '../../src/domain/market.ts'
import { confirmedKey, DESIRED_CHANNEL, desiredKey } from '../../src/domain/keys.ts'
import type { Frame, Marker, StreamEntry } from '../../src/domain/frame.ts'
import { EMULATOR_DEFAULTS, openEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/emulator.ts'
import { createReports, type Reports } from '../../src/heartbeats/reporter.ts'
import { splitArray } from '../../src/lib/json-elements.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { decodeEntry, type SigningKeys } from '../../src/stream/entry.ts'
import { openRedis, type TestRedis } from '../support/services.ts'

export const signing: SigningKeys = { current: 'test', keys: new Map([['test', 'a secret of these tests']]) }

export const until = async (
  what: string,
  holds: () => Promise<boolean> | boolean,
  timeoutMs = 60_000,
): Promise<void> => {
  const deadlineMs = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`expected within ${timeoutMs} ms: ${what}`)
    await sleep(20)
  }
}

export const readStream = async (redis: Redis, stream: string): Promise<StreamEntry[]> => {
  const raw = await redis.xrange(stream, '-', '+')
  return raw.map((entry) => {
    const decoded = decodeEntry(stream, entry, signing)
    if (decoded.type === 'rejected') throw new Error(`${stream}: ${decoded.detail}`)
    return decoded.entry
  })
}

export const framesOf = (entries: StreamEntry[]): (Frame & { epoch: string; ordinal: number })[] =>
  entries.flatMap(({ epoch, firstOrdinal, frames }) =>
    frames.map((frame, at) => ({ ...frame, epoch, ordinal: firstOrdinal + at })),
  )

const allMarkersOf = (entries: StreamEntry[]): (Marker & { epoch: string })[] =>
  framesOf(entries)
    .filter(({ kind }) => kind === 'marker')
    .map(({ text, epoch }) => ({ ...(JSON.parse(text) as Marker), epoch }))

/** What is said of connections and losses; how many levels are kept is none of it. */
export const markersOf = (entries: StreamEntry[]): (Marker & { epoch: string })[] =>
  allMarkersOf(entries).filter(({ type }) => type !== 'depth')

export const depthsOf = (entries: StreamEntry[]): { levels: number; epoch: string }[] =>
  allMarkersOf(entries).flatMap((marker) =>
    marker.type === 'depth' ? [{ levels: marker.levels, epoch: marker.epoch }] : [],
  )

/** Ordinals of each epoch that are missing or doubled in a stream; none when nothing was lost. */
export const breaksOf = (entries: StreamEntry[]): string[] => {
  const next = new Map<string, number>()
  const breaks: string[] = []
  for (const { stream, epoch, firstOrdinal, frames } of entries) {
    const lane = `${stream} ${epoch}`
    const expected = next.get(lane) ?? 1
    if (firstOrdinal !== expected) breaks.push(`${lane}: expected ${expected}, came ${firstOrdinal}`)
    next.set(lane, firstOrdinal + frames.length)
  }
  return breaks
}

export type Bench = AsyncDisposable & {
  server: TestRedis
  redis: Redis
  /** For a further feed on the same servers. */
  deps: FeedDeps & { heartbeats: Reports }
  /** Closed with the bench. */
  connect: () => Redis
  emulator: Emulator
  feed: ReturnType<typeof openFeedGroup>
  stats: ReturnType<typeof createStats>
  marketIds: string[]
  desire(
    marketIds: string[],
    state: DesiredState,
    depth?: number,
    at?: { group: number; generation?: number },
  ): Promise<void>
  confirmed(marketIds: string[], state: DesiredState): Promise<void>
  entries(): Promise<StreamEntry[]>
  /** Elements of all frames that went out on sockets until now, sorted. */
  sentTexts(): Promise<string[]>
}

type Wanted = { state: DesiredState; depth: number; generation: number }

const desireOf = (emulator: Emulator) => (marketId: string, wanted: Wanted) => {
  const market = emulator.catalogue.byKey({ marketId })
  if (market === undefined) throw new Error(`the emulator has no market ${marketId}`)
  const tokens = market.tokens.map(({ token }) => token)
  return JSON.stringify({ marketId, conditionId: market.conditionId, tokens, ...wanted })
}

/** One feed group on a real Redis and the emulator, without Temporal; nothing is desired yet. */
export const openBench = async (
  options: Partial<EmulatorOptions>,
  variables: NodeJS.ProcessEnv = {},
  more: Pick<FeedDeps, 'movePatienceMs' | 'restartQuestionMs'> = {},
): Promise<Bench> => {
  const server = await openRedis()
  const folder = mkdtempSync(join(tmpdir(), 'polytape-feed-'))
  const logPath = join(folder, 'frames.jsonl')
  const emulator = await openEmulator({ ...EMULATOR_DEFAULTS, rate: 0, logPath, ...options })
  const environment = { POLYMARKET_WS_URL: emulator.urls.ws, POLYMARKET_CLOB_URL: emulator.urls.clob, ...variables }
  const config = readConfig(environment)
  const clients: Redis[] = []
  const connectRedis = (): Redis => {
    const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 100 })
    client.on('error', () => undefined)
    clients.push(client)
    return client
  }
  const redis = connectRedis()
  const stats = createStats()
  const log = createLog('feed', process.env['LOG_LEVEL'] ?? 'silent')
  const heartbeats = createReports()
  const deps = { redis, connectRedis, config, signing, heartbeats, log, stats, ...more }
  const feed = openFeedGroup({ ...deps, ...createShared(deps), group: 0 })
  let generation = 0
  const textOf = desireOf(emulator)
  return {
    server,
    redis,
    deps,
    connect: connectRedis,
    emulator,
    feed,
    stats,
    marketIds: emulator.catalogue.markets.map(({ marketId }) => marketId).slice(0, options.marketCount),
    desire: async (marketIds, state, depth = 0, at = { group: 0 }) => {
      generation = at.generation ?? generation + 1
      const fields = marketIds.map((marketId) => [marketId, textOf(marketId, { state, depth, generation })])
      await redis.hset(desiredKey(at.group), Object.fromEntries(fields))
      await redis.publish(DESIRED_CHANNEL, String(at.group))
    },
    confirmed: (marketIds, state) =>
      until(`${marketIds.length} markets confirmed ${state}`, async () => {
        const texts = await redis.hmget(confirmedKey(0), ...marketIds)
        return texts.every(
          (text) => text !== null && JSON.parse(text).generation === generation && JSON.parse(text).state === state,
        )
      }),
    entries: async () => {
      const streams = await redis.keys('orderbook:*')
      return (await Promise.all(streams.map((stream) => readStream(redis, stream)))).flat()
    },
    sentTexts: async () => {
      await emulator.flushLog()
      return readFileSync(logPath, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .filter(({ connection }) => connection > 0)
        .map(({ text }) => String(text))
        .filter((text) => text.trim() !== 'PONG')
        .flatMap((text) => splitArray(text) ?? [text])
        .toSorted()
    },
    [Symbol.asyncDispose]: async () => {
      await feed.close('test ends')
      await emulator[Symbol.asyncDispose]()
      for (const client of clients) client.disconnect()
      await server[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const websocketTexts = (entries: StreamEntry[]): string[] =>
  framesOf(entries)
    .filter(({ kind }) => kind === 'websocket')
    .map(({ text }) => text)
    .toSorted()

/** All markets of the bench are wanted, and on the socket. */
export const subscribe = async (bench: Bench): Promise<void> => {
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
}
