import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createEnrolment } from '../../src/activities/enrolment.ts'
import { createShared, openFeedGroup } from '../../src/activities/feed-group.ts'
import { FEED_GROUPS_KEY, orderbookStream } from '../../src/domain/keys.ts'
import { openBench, until, type Bench } from './feed-support.ts'

const path = join(process.env['POLYTAPE_CAPTURES'] ?? '', 'token-ids.json')
const isGiven = process.env['POLYTAPE_CAPTURES'] !== undefined && existsSync(path)
if (!isGiven) console.warn('SKIPPED: the test of 10,410 real token ids needs POLYTAPE_CAPTURES with token-ids.json')

const MARKETS_PER_FEED = 100

const readTokens = (): string[] =>
  (JSON.parse(readFileSync(path, 'utf8')) as { clobTokenId: string }[]).map(({ clobTokenId }) => clobTokenId)

const cardsOf = ({ emulator, marketIds }: Bench) =>
  marketIds.map((marketId) => {
    const { conditionId = '', slug = '', question = '', tokens = [] } = emulator.catalogue.byKey({ marketId }) ?? {}
    return { marketId, conditionId, slug, question, tokens: tokens.map(({ token }) => token) }
  })

/** Tokens of which a whole book stands in the market's stream. */
const booksIn = async ({ redis, marketIds }: Bench): Promise<Set<string>> => {
  const pipeline = redis.pipeline()
  for (const marketId of marketIds) pipeline.xrange(orderbookStream(marketId), '-', '+')
  const text = JSON.stringify(await pipeline.exec())
  return new Set([...text.matchAll(/\\"asset_id\\":\\"(\d+)\\"/g)].map((match) => match[1] ?? ''))
}

const connectionsOf = ({ emulator }: Bench) =>
  emulator.ledger('none').connections.filter(({ closedTimeMs }) => closedTimeMs === undefined)

test.runIf(isGiven)(
  '10,410 real tokens: 100 ids a frame, 200 a connection, every book comes, and half of them leave without a trace',
  async () => {
    const tokens = readTokens()
    expect(new Set(tokens).size).toBe(10_410)
    await using bench = await openBench({ marketCount: tokens.length / 2, tokens, levelCount: 2 })
    await bench.feed.close('all groups are opened together')
    const shared = createShared(bench.deps)
    const groupCount = Math.ceil(bench.marketIds.length / MARKETS_PER_FEED)
    const feeds = Array.from({ length: groupCount }, (_, group) => openFeedGroup({ ...bench.deps, ...shared, group }))
    const subscribed = (): number => feeds.reduce((sum, feed) => sum + feed.figures().tokensSubscribed, 0)
    const enrolment = createEnrolment({
      redis: bench.redis,
      bookDepth: 0,
      marketsPerFeed: MARKETS_PER_FEED,
      ensureFeed: async () => undefined,
    })
    await enrolment.enrol(cardsOf(bench))
    await until('all are subscribed', () => subscribed() === tokens.length, 300_000)

    const all = connectionsOf(bench)
    expect(all.length).toBe(groupCount)
    expect(Math.max(...all.map(({ tokenCount }) => tokenCount))).toBeLessThanOrEqual(200)
    expect(Math.max(...all.flatMap(({ received }) => received.map(({ idCount }) => idCount)))).toBeLessThanOrEqual(100)
    expect(all.flatMap((one) => one.subscribed).toSorted()).toEqual(tokens.toSorted())
    await until('every book has come', async () => (await booksIn(bench)).size === tokens.length, 300_000)
    expect(await booksIn(bench)).toEqual(new Set(tokens))

    const places = await bench.redis.hgetall(FEED_GROUPS_KEY)
    const leaving = bench.marketIds.filter((_, at) => at % 2 === 0)
    for (let group = 0; group < groupCount; group++) {
      const some = leaving.filter((marketId) => places[marketId] === String(group))
      await bench.desire(some, 'stopped', 0, { group, generation: Date.now() })
    }
    const left = new Set(
      cardsOf(bench)
        .filter((_, at) => at % 2 === 0)
        .flatMap((card) => card.tokens),
    )
    const staying = tokens.filter((token) => !left.has(token)).toSorted()
    const heard = (): string[] => connectionsOf(bench).flatMap((one) => one.subscribed)
    await until('half have left', () => subscribed() === staying.length && heard().length === staying.length, 300_000)
    expect(heard().toSorted()).toEqual(staying)
    expect(feeds.reduce((sum, feed) => sum + feed.compareSubscriptions(Date.now() + 60_000), 0)).toBe(0)
    await Promise.all(feeds.map((feed) => feed.close('test ends')))
  },
)
