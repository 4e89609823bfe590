import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import type { Market } from '../../src/domain/market.ts'
import { chooseMarkets, isWantedByName, type Candidates } from '../../src/domain/policy.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { checkPolicy, parsePolicy } from '../../src/policy-file.ts'
import { createPolicySource } from '../../src/workers/policy-source.ts'

const market = (id: number, more: Partial<Market> = {}): Market => ({
  marketId: String(id),
  conditionId: '0x1',
  slug: `slug-${id}`,
  question: '?',
  status: 'active',
  outcomes: [],
  feeBps: undefined,
  endTimeMs: undefined,
  tickSize: '0.01',
  minOrderSize: '5',
  negRisk: false,
  version: undefined,
  ...more,
})
const markets = (...ids: number[]): Market[] => ids.map((id) => market(id))
const policy = (given: object) => parsePolicy(JSON.stringify(given))
const none: Candidates = { listed: [], events: [], series: [], tags: [], ranked: [], excluded: new Set() }
const chosen = (given: object, candidates: Partial<Candidates>, running: string[] = []): string[] => [
  ...chooseMarkets(policy(given), { ...none, ...candidates }, new Set(running)).keys(),
]

describe('a policy', () => {
  test('may leave out everything but one wish', () => {
    expect(policy({ tags: ['politics'] })).toEqual({
      markets: [],
      events: [],
      series: [],
      tags: ['politics'],
      top: 0,
      exclude: { markets: [], events: [], series: [], tags: [] },
      max: 10_000,
    })
  })

  test.each([
    ['{"top":', 'not JSON: "{"top":"'],
    ['[]', 'expected object, received array'],
    ['{}', 'it wants no market at all'],
    ['{"top":0,"exclude":{"tags":["sports"]}}', 'it wants no market at all'],
    ['{"top":"50"}', 'top: Invalid input: expected number, received string'],
    ['{"top":1.5}', 'top: expected a whole number'],
    ['{"top":5,"max":0}', 'max: Too small: expected number to be >=1'],
    ['{"tag":["politics"]}', 'Unrecognized key: "tag"'],
    ['{"tags":"politics"}', 'tags: Invalid input: expected array, received string'],
    ['{"tags":[" "]}', 'tags.0: expected an id or a slug, got an empty text'],
    ['{"top":1,"exclude":{"top":3}}', 'exclude: Unrecognized key: "top"'],
  ])('%s is refused with what was expected and what came', (text, reason) => {
    expect(() => parsePolicy(text)).toThrow(reason)
    expect(() => parsePolicy(text)).toThrow('expected {"top":50')
  })

  test('given twice is refused, and so is one that does not fit', async () => {
    const text = '{"top":5}'
    expect(() => readConfig({ POLYTAPE_POLICY: text, POLYTAPE_TOP: '5' })).toThrow('keep one of them')
    expect(() => readConfig({ POLYTAPE_POLICY: text, POLYTAPE_MARKETS: 'a' })).toThrow('keep one of them')
    await checkPolicy(readConfig({ POLYTAPE_POLICY: text }))
    await expect(checkPolicy(readConfig({ POLYTAPE_POLICY: '{"top":-1}' }))).rejects.toThrow(
      'POLYTAPE_POLICY does not fit',
    )
    await expect(checkPolicy(readConfig({ POLYTAPE_POLICY: '/no/such/file' }))).rejects.toThrow('no such file')
  })
})

describe('the choice of markets', () => {
  test('is the union of what is named and the top ones, each once', () => {
    const candidates = {
      listed: markets(9),
      events: markets(3, 2),
      series: markets(2),
      tags: markets(7, 3),
      ranked: markets(9, 5, 1),
    }
    expect(chosen({ markets: ['9'], events: ['e'], top: 2 }, candidates)).toEqual(['9', '2', '3', '7', '5'])
  })

  test('is cut at the maximum in a fixed order: listed, events, series and tags by age, then the top ones', () => {
    const candidates = { listed: markets(90, 10), events: markets(31, 30), tags: markets(20), ranked: markets(40, 41) }
    const given = { markets: ['90', '10'], events: ['e'], tags: ['t'], top: 2 }
    const whole = ['90', '10', '30', '31', '20', '40', '41']
    for (let max = 1; max <= whole.length; max++) {
      expect(chosen({ ...given, max }, candidates)).toEqual(whole.slice(0, max))
      const shuffled = { ...candidates, events: markets(30, 31) }
      expect(chosen({ ...given, max }, shuffled)).toEqual(whole.slice(0, max))
    }
  })

  test('leaves out what is excluded by id, slug or group, whoever names it, and the next of the top moves up', () => {
    const exclude = { markets: ['1', 'slug-2'], tags: ['x'] }
    const candidates = { listed: markets(1, 2, 3, 4), ranked: markets(1, 2, 3, 5, 6), excluded: new Set(['3']) }
    expect(chosen({ markets: ['1'], top: 2, exclude }, candidates)).toEqual(['4', '5', '6'])
  })

  test('takes no market that closed', () => {
    const closed = market(1, { status: 'closed' })
    expect(chosen({ markets: ['1'] }, { listed: [closed, market(2, { status: 'resolved' })] })).toEqual([])
  })

  test('keeps a running one of the top that slipped a little', () => {
    const ranked = markets(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    expect(chosen({ top: 8 }, { ranked }, ['10', '9'])).toEqual(['9', '10', '1', '2', '3', '4', '5', '6'])
  })

  test.each([
    [{ markets: ['slug-1'] }, true],
    [{ markets: ['1'] }, true],
    [{ events: ['e'] }, true],
    [{ series: ['s'] }, true],
    [{ tags: ['other', 't'] }, true],
    [{ top: 50 }, false],
    [{ tags: ['other'] }, false],
    [{ tags: ['t'], exclude: { events: ['e'] } }, false],
    [{ tags: ['t'], exclude: { markets: ['slug-1'] } }, false],
  ])('of a market that has just appeared is decided by name: %j wants it: %s', (given, isWanted) => {
    const belongings = { events: ['e'], series: ['s'], tags: ['t'] }
    expect(isWantedByName(policy(given), market(1), belongings)).toBe(isWanted)
  })
})

test('an edit of the file counts at the next reading; one that does not fit keeps the last good policy and is counted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'polytape-policy-'))
  const path = join(folder, 'policy.json')
  const stats = createStats()
  const read = createPolicySource({
    config: readConfig({ POLYTAPE_POLICY: path }),
    log: createLog('test', 'silent'),
    stats,
  })
  expect(await read()).toMatchObject({ policy: undefined, problem: expect.stringContaining(path) as string })
  await writeFile(path, '{"top":5}')
  expect(await read()).toMatchObject({ policy: { top: 5 }, problem: undefined })
  await writeFile(path, '{"top":6')
  expect(await read()).toMatchObject({ policy: { top: 5 }, problem: expect.stringContaining('not JSON') as string })
  expect(stats.read()).toEqual({ policyErrors: 2, policyInvalid: 1 })
  await writeFile(path, '{"top":7}')
  expect(await read()).toMatchObject({ policy: { top: 7 }, problem: undefined })
  expect(stats.read()).toEqual({ policyErrors: 2, policyInvalid: 0 })
  await rm(folder, { recursive: true })
})

test.each([
  [{}, { markets: [], top: 50 }],
  [{ POLYTAPE_TOP: '7' }, { markets: [], top: 7 }],
  [
    { POLYTAPE_MARKETS: '1,a', POLYTAPE_TOP: '7' },
    { markets: ['1', 'a'], top: 0 },
  ],
])('%j is short for the policy %j', async (environment, expected) => {
  const config = readConfig(environment)
  const read = createPolicySource({ config, log: createLog('test', 'silent'), stats: createStats() })
  expect((await read()).policy).toMatchObject(expected)
})
