import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { MarketState } from '../../src/domain/market.ts'
import { BEING_STARTED, type Observation } from '../../src/domain/observation.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { openObserver, type News } from '../../src/workers/observer.ts'
import { loadSigningKeys } from '../../src/workers/signing-keys.ts'

const seen = (marketId: string, state: MarketState): Observation => ({
  marketId,
  state,
  depth: 0,
  sequence: 1,
  atTimeMs: Date.now(),
  feedEpoch: 'e',
})
const open = (send: (observation: Observation) => Promise<boolean>, heard: Record<string, string> = {}) => {
  const stats = createStats()
  const news: News = {
    read: async (marketIds) => marketIds.map((marketId) => heard[marketId] ?? null),
    note: async (marketId, told) => void (heard[marketId] = told),
    forget: async (marketIds) => marketIds.forEach((marketId) => delete heard[marketId]),
  }
  return { stats, heard, observer: openObserver({ send, news, log: createLog('test', 'error'), stats }) }
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

describe('observations', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('are told when they have lasted a second, the last state of each market once', async () => {
    const told: string[] = []
    using observer = open(async ({ marketId, state }) => told.push(`${marketId} ${state}`) > 0).observer
    observer.report(seen('1', 'live'))
    observer.report(seen('2', 'unverified'))
    await pass(300)
    for (let at = 0; at < 50; at++) observer.report(seen('1', 'live'))
    observer.report(seen('2', 'live'))
    await pass(500)
    expect(told).toEqual([])
    await pass(1_000)
    expect(told).toEqual(['1 live', '2 live'])
  })

  test('are not told to a workflow that was given them at its start, nor while that is under way', async () => {
    const told: string[] = []
    const given = { '1': 'live 0', '2': 'unverified 0', '3': BEING_STARTED }
    const opened = open(async ({ marketId }) => told.push(marketId) > 0, given)
    using observer = opened.observer
    for (const marketId of ['1', '2', '3', '4']) observer.report(seen(marketId, 'live'))
    await pass(2_000)
    expect(told).toEqual(['2', '4'])
    expect(opened.heard).toEqual({ '1': 'live 0', '2': 'live 0', '3': BEING_STARTED, '4': 'live 0' })
    opened.heard['3'] = 'live 0'
    observer.report(seen('1', 'unverified'))
    observer.report(seen('4', 'resolved'))
    await pass(5_000)
    expect(told).toEqual(['2', '4', '1', '4'])
    expect(opened.heard).toMatchObject({ '1': 'unverified 0' })
    expect(opened.heard).not.toHaveProperty('4')
  })

  test('of a state that came and went within a second are not told', async () => {
    const told: string[] = []
    using observer = open(async ({ state }) => told.push(state) > 0).observer
    observer.report(seen('1', 'live'))
    await pass(1_300)
    observer.report(seen('1', 'unverified'))
    await pass(200)
    observer.report(seen('1', 'live'))
    await pass(1_500)
    expect(told).toEqual(['live'])
  })

  const slowly = (told: string[], fails: MarketState[] = []) => {
    return async ({ state }: Observation): Promise<boolean> => {
      told.push(state)
      await new Promise((resolve) => void setTimeout(resolve, 500))
      if (fails.includes(state)) throw new Error('deadline exceeded')
      return true
    }
  }

  test('of a state that came back while another one was being told are told again', async () => {
    const told: string[] = []
    const { observer, heard } = open(slowly(told))
    using _closed = observer
    observer.report(seen('1', 'live'))
    await pass(2_000)
    observer.report(seen('1', 'paused'))
    await pass(1_200)
    expect(told).toEqual(['live', 'paused'])
    observer.report(seen('1', 'live'))
    expect(heard).toEqual({})
    await pass(3_000)
    expect(told).toEqual(['live', 'paused', 'live'])
    expect(heard).toEqual({ '1': 'live 0' })
  })

  test('that may have been heard, though no answer came, are followed by what is seen after them', async () => {
    const told: string[] = []
    using observer = open(slowly(told, ['paused'])).observer
    observer.report(seen('1', 'live'))
    await pass(2_000)
    observer.report(seen('1', 'paused'))
    await pass(1_800)
    expect(told).toEqual(['live', 'paused'])
    observer.report(seen('1', 'live'))
    await pass(5_000)
    expect(told).toEqual(['live', 'paused', 'live'])
  })

  test('go out at no more than 100 a second', async () => {
    const toldTimesMs: number[] = []
    using observer = open(async () => toldTimesMs.push(Date.now()) > 0).observer
    for (let market = 0; market < 150; market++) observer.report(seen(String(market), 'live'))
    await pass(1_600)
    expect(toldTimesMs.length).toBeGreaterThan(20)
    expect(toldTimesMs.length).toBeLessThanOrEqual(70)
    await pass(2_000)
    expect(toldTimesMs).toHaveLength(150)
  })

  test('are kept while the server is away, and told to a workflow that starts later than its books', async () => {
    let isAway = true
    let isStarted = false
    let asked = 0
    const { observer, stats } = open(async () => {
      asked++
      if (isAway) throw new Error('unavailable')
      return isStarted
    })
    using _closed = observer
    observer.report(seen('1', 'live'))
    await pass(1_400)
    expect(asked).toBe(1)
    isAway = false
    await pass(2_200)
    expect(asked).toBe(2)
    isStarted = true
    await pass(5_000)
    expect(asked).toBe(3)
    expect(stats.read()['observationsDropped']).toBeUndefined()
  })

  test('of markets that resolved long ago are tried once, so that a restart does not keep the others waiting', async () => {
    let asked = 0
    const { observer, stats } = open(async () => ++asked === 0)
    using _closed = observer
    observer.report(seen('1', 'resolved'))
    await pass(7_000)
    expect(asked).toBe(1)
    expect(stats.read()['observationsDropped']).toBeUndefined()
  })

  test('of a market that ended are forgotten once they are told: what comes later of it is news', async () => {
    const told: string[] = []
    using observer = open(async ({ marketId, state }) => told.push(`${marketId} ${state}`) > 0).observer
    for (const state of ['stopped', 'paused'] as const) observer.report(seen(state, state))
    await pass(1_400)
    for (const state of ['stopped', 'paused'] as const) observer.report(seen(state, state))
    await pass(1_400)
    expect(told).toEqual(['stopped stopped', 'paused paused', 'stopped stopped'])
  })

  test('are counted and dropped when a market has had no workflow for two minutes', async () => {
    let asked = 0
    const { observer, stats } = open(async () => ++asked === 0)
    using _closed = observer
    observer.report(seen('1', 'live'))
    await pass(200_000)
    expect(asked).toBeLessThanOrEqual(26)
    expect(stats.read()['observationsDropped']).toBe(1)
  })
})

describe('signing keys', () => {
  test('are made once, with mode 0600, also when several processes start at once', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'polytape-keys-'))
    const loaded = await Promise.all(Array.from({ length: 8 }, () => loadSigningKeys(undefined, folder)))
    expect(new Set(loaded.map(({ current, keys }) => `${current} ${keys.get(current)}`)).size).toBe(1)
    expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(join(folder, 'keys'), 'utf8'))).toMatchObject({ current: loaded[0]?.current })
  })

  test('of a broken file are refused with what was expected, never made anew', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'polytape-keys-'))
    await writeFile(join(folder, 'keys'), '{"current":"k"')
    await expect(loadSigningKeys(undefined, folder)).rejects.toThrow('is not JSON: expected {"current"')
    expect(await loadSigningKeys('a secret of sixteen', folder)).toMatchObject({ current: 'env' })
  })
})
