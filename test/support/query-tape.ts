import type { Pool } from 'pg'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Manifest } from '../../src/archive/manifest.ts'
import { openQuery, type Asked, type ReadFacts } from '../../src/cli/query/open-query.ts'
import { openWorkspace, type Reach } from '../../src/cli/query/workspace.ts'
import { withClient } from '../../src/store/checkout.ts'
import { writeMarkets } from '../../src/store/markets.ts'
import { createHistory, createRandom, type History } from './as-of-history.ts'
import { storeHistory } from './as-of-store.ts'

const OUTCOMES = ['Yes', 'No']

/** Two outcomes of each market, recorded from an hour before midnight until the third day. */
export const recordMarkets = async (pool: Pool, marketIds: string[], midnightTimeMs: number): Promise<History[]> => {
  const markets = marketIds.map((marketId, place) => ({
    marketId,
    conditionId: `0x${String(place).padStart(64, '0')}`,
    slug: `will-it-rain-${marketId}`,
    question: `Will it rain,\n"really", in ${marketId}?`,
    outcomes: OUTCOMES.map((name, index) => ({ outcomeId: `${marketId}:${index}`, name, token: `${place}${index}`.repeat(30) })),
    feeBps: undefined,
    endTimeMs: undefined,
    tickSize: '0.01',
    minOrderSize: '5',
    negRisk: false,
    version: undefined,
    status: 'active' as const,
  })) // prettier-ignore
  await withClient(pool, (client) => writeMarkets(client, markets))
  const random = createRandom(7)
  const shape = { startTimeMs: midnightTimeMs - 3_600_000, eventCount: 300, longestPauseMs: 900_000 }
  const ids = markets.flatMap(({ outcomes }) => outcomes.map(({ outcomeId }) => outcomeId))
  const histories = ids.map((id) => createHistory(id, random, shape))
  for (const history of histories) await storeHistory(pool, history)
  return histories
}

export type Answered = { rows: (string | null)[][]; read: ReadFacts }

type Objects = Reach & { openObject: (part: Manifest) => Promise<string> }

/** The answer to a query as the command gives it, as texts. */
export const askQuery = async (pool: Pool, objects: Objects, asked: Asked): Promise<Answered> => {
  await using workspace = await openWorkspace(objects)
  const { openObject } = objects
  const { read } = await openQuery({ ...workspace, pool, openObject, onProgress: () => undefined }, asked)
  const reader = await workspace.connection.runAndReadAll(asked.statement)
  return { rows: reader.getRows().map((row) => row.map((value) => (value === null ? null : String(value)))), read }
}

export type TestFolderPath = Disposable & { path: string }

export const openFolder = (): TestFolderPath => {
  const path = mkdtempSync(join(tmpdir(), 'polytape-query-test-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
