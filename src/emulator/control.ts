import { z } from 'zod'
import { failed, json, type Answer, type Route } from './http.ts'
import type { DataFault } from './data-faults.ts'
import type { Ledger, LedgerActivity } from './ledger.ts'
import type { TradeFaults } from './trade-faults.ts'

/** What tests may do to the venue. Each answers how many connections or markets it touched. */
export type Faults = {
  /** Sends a text as it is to all connections. */
  send(text: string): number
  /** Closes one connection, or all. `abrupt` drops the socket without a close frame. */
  close(target: { connection: number | undefined; abrupt: boolean }): number
  /** Connections that hear the token now get nothing more of it, while PONG is answered. New ones do. */
  mute(token: string, isMuted: boolean): number
  /** The next `count` price_change frames of the token are lost, moved behind their successor, or sent twice. */
  disturb(fault: {
    type: 'drop' | 'swap' | 'duplicate'
    token: string
    count: number
    connection: number | undefined
  }): number
  /** Leaves the snapshots of the tokens (all, when empty) out of the next `count` dumps. */
  withholdSnapshots(fault: { tokens: string[]; count: number }): number
  /** The next `count` book requests that name one of the tokens (any, without) answer the status, or books of now. */
  failRest(fault: { tokens?: string[]; count: number } & ({ status: number } | { stale: true })): number
  /** Closes all sockets; for so long upgrades and book requests answer 425 and nothing is traded. */
  restart(durationMs: number): number
  changeTickSize(token: string, tickSize: string): number
  /** Makes a further market and broadcasts `new_market`; CLOB answers 404 for `hydrationMs`. Returns its id. */
  addMarket(hydrationMs: number): string
  /** So many of Gamma's next lists never come to their end. */
  cutLists(count: number): number
  /** Ends trading; Gamma lists it as closed, with the prices of the moment and a resolution that is only proposed. */
  closeMarket(marketId: string): number
  /** Ends it with these payouts. Without `told` no socket hears of it, without `listed` Gamma does not show it (yet). */
  resolve(resolution: {
    marketId: string
    winner: number
    payouts?: string[] | undefined
    told: boolean
    listed: boolean
  }): number
}

export type Controlled = Faults & {
  pause(): void
  resume(): void
  /** Frames/s over all connections from now on. */
  setRate(rate: number): void
  /** Changes how trades come about and are told from now on; what is not given stays. */
  disturbTrades(faults: Partial<Record<keyof TradeFaults, number | undefined>>): void
  /** The next requests of the Data API fail or are slow. Returns their count. */
  failData(fault: DataFault): number
  endDataFaults(): void
  /** A split, merge, redemption or conversion of a wallet. Returns 0 where there is no such market. */
  act(activity: Pick<LedgerActivity, 'marketId' | 'type' | 'wallet' | 'size' | 'usdcSize' | 'outcomeIndex'>): number
  ledger(token?: string): Ledger
  /** Resolves when the frame log is in its file. */
  flushLog(): Promise<void>
}

const count = z.number().int().positive().default(1)
const token = z.string()
const connection = z.number().int().optional()
const tokens = z.array(z.string()).default([])
const resolution = z.object({
  marketId: z.string(),
  winner: z.number().int().min(0).max(1).default(0),
  payouts: z.array(z.string()).length(2).optional(),
  told: z.boolean().default(true),
  listed: z.boolean().default(true),
})
const share = z.number().min(0).max(1).optional()
const tradeFaults = z
  .object({
    sweepShare: share,
    equalShare: share,
    lateMs: z.number().int().min(0).optional(),
    socketMissShare: share,
    dataMissShare: share,
    repeatShare: share,
  })
  .strict()
const paths = z.array(z.enum(['trades', 'v2/trades', 'activity'])).default([])
const dataFault = z.union([
  z.object({ status: z.number().int().min(400).max(599), paths, count }),
  z.object({ delayMs: z.number().int().positive(), paths, count }),
])
const amount = z.string().regex(/^\d+(\.\d{1,6})?$/)
const activity = z.object({
  marketId: z.string(),
  type: z.enum(['SPLIT', 'MERGE', 'REDEEM', 'CONVERSION']),
  wallet: z.string(),
  size: amount,
  usdcSize: amount,
  outcomeIndex: z.number().int().default(999),
})
const disturbance = z.object({ token, count, connection })

const post = <T extends z.ZodType>(name: string, schema: T, act: (request: z.infer<T>) => unknown): Route => ({
  method: 'POST',
  pattern: new RegExp(`^/emulator/${name}$`),
  answer: ({ body }): Answer => {
    const request = schema.safeParse(body ?? {})
    if (!request.success) return failed(400, z.prettifyError(request.error))
    return json({ done: act(request.data) ?? true })
  },
})

const disturbRoutes = (emulator: Controlled): Route[] =>
  (['drop', 'swap', 'duplicate'] as const).map((type) =>
    post(`${type}-next`, disturbance, (one) => emulator.disturb({ type, ...one, connection: one.connection })),
  )

export const controlRoutes = (emulator: Controlled): Route[] => [
  {
    method: 'GET',
    pattern: /^\/emulator\/ledger$/,
    answer: ({ url }) => json(emulator.ledger(url.searchParams.get('token') ?? undefined)),
  },
  {
    method: 'POST',
    pattern: /^\/emulator\/flush-log$/,
    answer: async () => {
      await emulator.flushLog()
      return json({ done: true })
    },
  },
  post('pause', z.object({}), () => emulator.pause()),
  post('resume', z.object({}), () => emulator.resume()),
  post('rate', z.object({ rate: z.number().min(0) }), ({ rate }) => emulator.setRate(rate)),
  post('send', z.object({ text: z.string() }), ({ text }) => emulator.send(text)),
  post('close', z.object({ connection, abrupt: z.boolean().default(true) }), (one) =>
    emulator.close({ connection: one.connection, abrupt: one.abrupt }),
  ),
  post('mute', z.object({ token, muted: z.boolean().default(true) }), (one) => emulator.mute(one.token, one.muted)),
  ...disturbRoutes(emulator),
  post('withhold-snapshots', z.object({ tokens, count }), (one) => emulator.withholdSnapshots(one)),
  post(
    'rest-fault',
    z.union([
      z.object({ status: z.number().int().min(400).max(599), tokens, count }),
      z.object({ stale: z.literal(true), tokens, count }),
    ]),
    (one) => emulator.failRest(one),
  ),
  post('restart', z.object({ durationMs: z.number().positive() }), (one) => emulator.restart(one.durationMs)),
  post('tick-size', z.object({ token, tickSize: z.enum(['0.1', '0.01', '0.001', '0.0001']) }), (one) =>
    emulator.changeTickSize(one.token, one.tickSize),
  ),
  post('add-market', z.object({ hydrationMs: z.number().min(0).default(0) }), (one) =>
    emulator.addMarket(one.hydrationMs),
  ),
  post('trade-faults', tradeFaults, (one) => emulator.disturbTrades(one)),
  post('data-fault', dataFault, (one) => emulator.failData(one)),
  post('end-data-faults', z.object({}), () => emulator.endDataFaults()),
  post('activity', activity, (one) => emulator.act(one)),
  post('cut-lists', z.object({ count }), (one) => emulator.cutLists(one.count)),
  post('close-market', z.object({ marketId: z.string() }), (one) => emulator.closeMarket(one.marketId)),
  post('resolve', resolution, (one) => emulator.resolve(one)),
]
