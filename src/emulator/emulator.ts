import { createServer, type Server } from 'node:http'
import { createCatalogue, type Catalogue } from './catalogue.ts'
import { createChannel } from './channel.ts'
import { clobRoutes } from './clob.ts'
import type { Connection } from './connection.ts'
import { controlRoutes, type Controlled } from './control.ts'
import type { DataPath } from './data-faults.ts'
import type { WithheldSnapshots } from './dumps.ts'
import { createFlow, type Flow } from './flow.ts'
import { openFrameLog, VENUE_TAPE, type FrameLog } from './frame-log.ts'
import { gammaRoutes } from './gamma.ts'
import { json, respond, type Route } from './http.ts'
import { readLedger, type LedgerFault, type RestCounts } from './ledger.ts'
import type { VenueToken } from './market.ts'
import { createOutage, type Outage } from './outage.ts'
import { createOutbox } from './outbox.ts'
import { startPacer } from './pacer.ts'
import { pricesHistoryRoute } from './prices-history.ts'
import { createPeople } from './people.ts'
import { createReplay, type Replay, type ReplayProgress } from './replay.ts'
import { createRestFaults } from './rest-faults.ts'
import { acceptSockets } from './sockets.ts'
import { dumpText } from './texts.ts'
import type { TradeFaults } from './trade-faults.ts'
import { createVenueFaults } from './venue-faults.ts'

export type EmulatorOptions = {
  /** 0 takes a free one. Always on 127.0.0.1. */
  port: number
  marketCount: number
  /** Frames/s over all connections; 0 sends only what `step` asks for. */
  rate: number
  seed: number
  /** Levels a side. */
  levelCount: number
  /** Share of actions that are trades. */
  tradeShare: number
  /** Who trades. */
  walletCount: number
  /** Share of actions beside which a wallet splits or merges. */
  activityShare: number
  tradeFaults: Partial<TradeFaults>
  /** Token ids to use, two a market, before made-up ones. */
  tokens: string[]
  maxIdsPerFrame: number
  maxSnapshotTokens: number
  /** Markets that once had a subscriber go on without one. */
  isUnheard: boolean
  /** JSON lines: the venue's tape, every frame sent, every book answered. */
  logPath: string | undefined
  /** Plays a file in place of the order flow. Speed 0 is as fast as it goes. */
  replay: { path: string; speed: number } | undefined
  /** Epoch ms; a test's own clock makes a run repeatable to the byte. */
  now: () => number
}

export const EMULATOR_DEFAULTS: EmulatorOptions = {
  port: 0,
  marketCount: 20,
  rate: 100,
  seed: 1,
  levelCount: 20,
  tradeShare: 0.03,
  walletCount: 1_000,
  activityShare: 0.01,
  tradeFaults: {},
  tokens: [],
  maxIdsPerFrame: 1_000,
  maxSnapshotTokens: 500,
  isUnheard: false,
  logPath: undefined,
  replay: undefined,
  now: Date.now,
}

type EmulatorUrls = { ws: string; gamma: string; clob: string; data: string; control: string }

/** A Polymarket on loopback, with a ledger of all it sent and faults on request. */
export type Emulator = AsyncDisposable &
  Controlled & {
    readonly urls: EmulatorUrls
    readonly catalogue: Catalogue
    /** Actions of the order flow now, whatever the rate. Returns the frames sent. */
    step(actions: number): number
    /** Sends trade reports that are due. */
    settle(): number
    replay(): ReplayProgress
    /** Requests to the Data API so far. */
    readonly dataRequests: Readonly<Record<DataPath, number>>
  }

const listen = async (server: Server, port: number): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected the server to listen on a port')
  return address.port
}

const urlsOf = (port: number): EmulatorUrls => {
  const http = `http://127.0.0.1:${port}`
  return {
    ws: `ws://127.0.0.1:${port}/ws/market`,
    gamma: `${http}/gamma`,
    clob: `${http}/clob`,
    data: `${http}/data`,
    control: `${http}/emulator`,
  }
}

/** The order flow at its rate, unless paused. */
const startFlow = (flow: Flow, initialRate: number, outage: Outage) => {
  let isPaused = false
  const step = (): number => (isPaused || outage.isOn() ? 0 : flow.step())
  const pace = (rate: number) => (rate === 0 ? undefined : startPacer({ rate, step, before: () => flow.settle() }))
  let pacer = pace(initialRate)
  const stop = (): void => pacer?.[Symbol.dispose]()
  return {
    pause: () => void (isPaused = true),
    resume: () => void (isPaused = false),
    setRate: (rate: number): void => {
      stop()
      pacer = pace(rate)
    },
    stop,
  }
}

/** The venue's tape starts with every book. */
const logBooks = (log: FrameLog, { markets }: Catalogue, t: number): void => {
  const tokens = markets.flatMap((market) => market.tokens).filter(({ hash }) => hash !== '')
  for (const token of tokens) {
    log.write({ t, connection: VENUE_TAPE, tokens: [token.token], text: dumpText([token]) })
  }
}

/** Everything but the sockets: the venue's state and what is done to it. */
const createVenue = async (options: EmulatorOptions) => {
  const { now } = options
  const log = options.logPath === undefined ? undefined : openFrameLog(options.logPath)
  const faults: LedgerFault[] = []
  const people = createPeople(options)
  const rest: RestCounts = new Map()
  const withheld: WithheldSnapshots[] = []
  const connections = new Set<Connection>()
  const everOpened: Connection[] = []
  const restFaults = createRestFaults()
  const outage = createOutage(now)
  const lists = { cutCount: 0 }
  const outbox = createOutbox({ now, log, faults })
  const reach = { connections, outbox, ledger: people.ledger }
  const replay: Replay | undefined =
    options.replay === undefined ? undefined : await createReplay({ ...options.replay, ...reach })
  const catalogue = replay?.catalogue ?? createCatalogue({ ...options, startTimeMs: now() })
  const flow = createFlow({ ...options, catalogue, outbox, ...people })
  const changed = (): void => {
    flow.refresh()
    replay?.refresh()
  }
  const prefix = (connection: Connection): string => (connection.isReplayClock ? (replay?.clockText() ?? '') : '')
  const prepare = (token: VenueToken): void => replay?.prepare(token)
  const shared = { catalogue, outbox, faults, withheld, changed, now }
  const channel = createChannel({ ...options, ...shared, prefix, prepare })
  const control = createVenueFaults({
    ...shared,
    connections,
    restFaults,
    lists,
    outage,
    changeTickSize: (market, tickSize) => flow.changeTickSize(market, tickSize),
    resolved: (market) => people.activities.redeem(market),
  })
  const routes = [
    ...gammaRoutes(catalogue, lists),
    ...clobRoutes({ catalogue, rest, restFaults, outage, log, now, prepare }),
    pricesHistoryRoute(catalogue, now),
    ...people.routes(catalogue),
  ]
  const { trades, activities } = people.ledger
  const source = { catalogue, connections: everOpened, trades, activities, faults, rest }
  const ledger = (token?: string) => readLedger(source, token)
  if (log !== undefined) logBooks(log, catalogue, now())
  return { log, replay, catalogue, flow, channel, connections, everOpened, outage, control, people, routes, ledger }
}

/**
 * Opens the emulator. Frames flow for subscribed markets only.
 *
 * @throws Error when the port is taken or the replay file cannot be read.
 */
export const openEmulator = async (given: Partial<EmulatorOptions>): Promise<Emulator> => {
  const options = { ...EMULATOR_DEFAULTS, ...given }
  const venue = await createVenue(options)
  const { catalogue, channel, connections, everOpened, flow, outage, replay } = venue
  const pace = startFlow(flow, replay === undefined ? options.rate : 0, outage)
  const progress = (): ReplayProgress => replay?.progress() ?? { done: true, framesSent: 0, frameCount: 0, skipped: [] }
  const controlled: Controlled = {
    ...venue.control,
    ...venue.people.control(catalogue),
    ledger: venue.ledger,
    flushLog: async () => venue.log?.flushed(),
    setRate: (rate) => {
      if (replay !== undefined) throw new Error('a replay has the rate of its file')
      pace.setRate(rate)
    },
    pause: () => (replay?.pause(), pace.pause()),
    resume: () => (replay?.resume(), pace.resume()),
  }
  const replayRoute: Route = { method: 'GET', pattern: /^\/emulator\/replay$/, answer: () => json(progress()) }
  const routes = [...venue.routes, ...controlRoutes(controlled), replayRoute]
  const server = createServer((request, response) => void respond(routes, request, response))
  // A client that stood still for a moment would ask on a socket that was closed just then.
  server.keepAliveTimeout = 0
  acceptSockets({ server, channel, connections, everOpened, outage, now: options.now, isReplay: replay !== undefined })
  const port = await listen(server, options.port)
  return {
    ...controlled,
    urls: urlsOf(port),
    catalogue,
    step: (actions) => Array.from({ length: actions }, () => flow.step()).reduce((sum, sent) => sum + sent, 0),
    settle: () => flow.settle(),
    replay: progress,
    dataRequests: venue.people.dataRequests,
    [Symbol.asyncDispose]: async () => {
      pace.stop()
      replay?.stop()
      for (const connection of connections) connection.close('emulator_closed', true)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await venue.log?.[Symbol.asyncDispose]()
    },
  }
}
