import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { z } from 'zod'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { compareIds, readTails } from '../../src/stream/read.ts'
import { readOutcomes, rebuildFromRows } from './recorded-books.ts'
import { brokenPromises, recordedTokens, wrongLadders } from './recorded-truth.ts'
import { openSystem, until, type System } from './system.ts'
import { countMarketWorkflows } from './temporal-command.ts'
import { openVenueProcess, type VenueProcess } from './venue-process.ts'

/** What is needed to compare what was recorded with what the venue said. */
export type Recorded = { venue: VenueProcess; system: Pick<System, 'redis'>; pool: pg.Pool }

/** The whole product, recording an emulator that is a process of its own. */
export type Recording = AsyncDisposable & Recorded & { system: System }

export type RecordingOptions = {
  markets: number
  rate: number
  env: Record<string, string>
  /** More arguments of the emulator. */
  venueArgs?: string[]
  /** Whether the emulator keeps its log. */
  isLogged?: boolean
  /** Starts what is to run beside the system and end with it, before anything is waited for. */
  beside?: (system: System, venue: VenueProcess) => AsyncDisposable[]
}

export const untilLive = (pool: pg.Pool, markets: number): Promise<boolean> =>
  until(`${markets} live markets`, async () => {
    const result = await pool.query<{ live: number }>(
      "select count(*)::int as live from quotes_live where state = 'live'",
    )
    return result.rows[0]?.live === markets ? true : undefined
  })

/** A book is there before the workflow that looks after it, and an operator needs the workflow. */
const untilRun = (system: System, markets: number): Promise<boolean> =>
  until(`${markets} running market workflows`, async () => {
    const running = await countMarketWorkflows(system)
    return running >= markets ? true : undefined
  })

/** Resolves when every market is live and has its workflow; ends all of it if that does not come. */
export const openRecording = async (options: RecordingOptions): Promise<Recording> => {
  const { markets, rate, env, venueArgs = [], isLogged = false, beside = () => [] } = options
  const opened: AsyncDisposable[] = []
  const dispose = async (): Promise<void> => {
    for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]()
  }
  try {
    const flow = ['--markets', String(markets), '--rate', String(rate)]
    const venue = await openVenueProcess([...flow, ...venueArgs], isLogged)
    opened.push(venue)
    const args = ['--venue', 'live', '--top', String(markets)]
    const system = await openSystem({ args, env: { ...venue.env, ...env } })
    opened.push(system, ...beside(system, venue))
    const pool = system.pool()
    await untilLive(pool, markets)
    await untilRun(system, markets)
    return { venue, system, pool, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Streams whose newest entry is not committed, as `<stream> <newest> <committed>`. */
const readUncommitted = async (pool: pg.Pool, redis: Redis): Promise<string[]> => {
  const result = await pool.query<{ stream: string; last_id: string }>('select stream, last_id from ingestion_offsets')
  const tails = await readTails(
    redis,
    result.rows.map(({ stream }) => stream),
  )
  return result.rows.flatMap(({ stream, last_id: lastId }) => {
    const tail = tails.get(stream)
    return tail === undefined || compareIds(tail, lastId) <= 0 ? [] : [`${stream} ${tail} ${lastId}`]
  })
}

/** Pauses the venue's flow, waits until all it sent has arrived and no gap is open, and returns its ledger. */
export const settle = async ({ venue, system, pool }: Recorded): Promise<Ledger> => {
  await venue.post('pause')
  const redis = system.redis()
  await sleep(500)
  await until('ladders to equal the ledger', async () => {
    const wrong = await wrongLadders(await venue.ledger(), pool, redis)
    if (wrong.length > 0) throw new Error(`wrong ladders: ${wrong.join(' ')}`)
    return true
  })
  await until('all entries to be committed', async () => {
    const behind = await readUncommitted(pool, redis)
    if (behind.length > 0) throw new Error(`${behind.length} streams are behind: ${behind.slice(0, 5).join(', ')}`)
    return true
  })
  await until('all gaps to be closed', async () => {
    const open = (await readGaps(pool)).filter((gap) => gap.closedAt === null)
    if (open.length > 0) throw new Error(`open: ${JSON.stringify(open.slice(0, 5))}`)
    return true
  })
  return venue.ledger()
}

/** Waits until there is nothing wrong, and fails with what is. */
export const untilNone = (what: string, look: () => Promise<string[]>): Promise<boolean> =>
  until(`no ${what}`, async () => {
    const wrong = await look()
    if (wrong.length > 0) throw new Error(`${wrong.length}: ${wrong.slice(0, 20).join('; ')}`)
    return true
  })

/**
 * Settles, then: books, rows and sequences are those of the ledger, or become them (a frame that changed nothing in the ladders
 * may have been on its way). Returns the ledger.
 */
export const expectRecorded = async (recorded: Recorded): Promise<Ledger> => {
  const ledger = await settle(recorded)
  const redis = recorded.system.redis()
  await untilNone('broken promises', () => brokenPromises(ledger, recorded.pool, redis))
  await untilNone('wrong counts of rows', () => wrongRowCounts(ledger, recorded.pool))
  return ledger
}

/** The same, but goes on when it does not settle: what is wrong then is what a soak wants to tell. */
export const settleOrTell = async (recording: Recording, say: (line: string) => void): Promise<Ledger> => {
  try {
    return await settle(recording)
  } catch (error) {
    say(`not settled: ${error instanceof Error ? error.message : String(error)}`)
    return recording.venue.ledger()
  }
}

export type Gap = { marketId: string; outcomeId: string; reason: string; detail: string; closedAt: Date | null }

export const readGaps = async (pool: pg.Pool): Promise<Gap[]> => {
  const result = await pool.query<Gap>(
    `select market_id as "marketId", outcome_id as "outcomeId", reason, detail, closed_at as "closedAt"
     from feed_gaps order by gap_id`,
  )
  return result.rows
}

/** Outcomes that never had a gap and whose count of rows is not what the ledger predicts. */
const wrongRowCounts = async (ledger: Ledger, pool: pg.Pool): Promise<string[]> => {
  const outcomes = await readOutcomes(pool)
  const rebuilt = await rebuildFromRows(pool)
  const disturbed = new Set((await readGaps(pool)).map((gap) => gap.outcomeId))
  return recordedTokens(ledger).flatMap(({ token, expectedRows }) => {
    const outcomeId = outcomes.get(token) ?? token
    const rows = rebuilt.get(outcomeId)?.rowCount
    return disturbed.has(outcomeId) || rows === expectedRows ? [] : [`${outcomeId}: ${rows}, not ${expectedRows}`]
  })
}

const kept = z.object({ pid: z.number(), restarts: z.number() })
const runFile = z.object({ processes: z.array(kept.extend({ role: z.string() })) })

/** Pid and restarts of each role. */
export const readRoles = (system: System): z.infer<typeof runFile>['processes'] =>
  runFile.parse(JSON.parse(readFileSync(system.folder.state.path('run.json'), 'utf8'))).processes

/** Sockets that are open now and carry tokens. */
export const openSockets = ({ connections }: Pick<Ledger, 'connections'>): Ledger['connections'] =>
  connections.filter(({ closedTimeMs, tokenCount }) => closedTimeMs === undefined && tokenCount > 0)

/** Sockets that carried a subscription: `npm start` opens one more, to see whether the venue is there. */
export const feedSockets = (ledger: Ledger): Ledger['connections'] =>
  ledger.connections.filter(({ received }) => received.some(({ type }) => type === 'subscribe'))
