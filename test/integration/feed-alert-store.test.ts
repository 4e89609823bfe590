import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { createTellingActivities, type FeedAlertSignal } from '../../src/activities/alert-telling.ts'
import { createNoticeActivities } from '../../src/activities/notices.ts'
import { FEED_KINDS } from '../../src/domain/heartbeat.ts'
import { planEpisodes } from '../../src/heartbeats/episodes.ts'
import type { Problem } from '../../src/heartbeats/silence.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'
import { markDelivered, markStarted, readDueNotices } from '../../src/store/feed-alert-notices.ts'
import { recordCheck } from '../../src/store/feed-alerts.ts'
import { createDatabase, type TestDatabase } from '../support/services.ts'
import { openReceiver, WEBHOOK_SECRET } from './heartbeat-stage.ts'

const nothing = (): void => undefined
/** The SDK warns of every activity that fails, also where that is the promise. */
const SILENT = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
const SUBJECT = 'connection:0:a:0'
const problem: Problem = {
  kind: 'market_channel',
  subject: SUBJECT,
  reason: 'silent',
  detail: '',
  epoch: '1-a',
  concerned: { type: 'nobody' },
}

/** A check that finds these markets behind; none: all is well. */
const checkFinding = ({ pool }: TestDatabase, marketIds: string[]) => {
  const problems = new Map(marketIds.length === 0 ? [] : [[SUBJECT, problem]])
  const findings = { problems, unknown: new Set<string>(), gone: [] }
  return recordCheck(pool, {
    kinds: FEED_KINDS,
    plan: (open) => planEpisodes(open, findings),
    marketsOf: new Map([[SUBJECT, marketIds]]),
  })
}

const openTelling = ({ pool }: TestDatabase) => {
  const told: string[] = []
  const away = { marketId: '' }
  const signal = async (marketId: string, { state }: FeedAlertSignal): Promise<boolean> => {
    if (marketId === away.marketId) throw new Error('Temporal is away')
    told.push(`${marketId} ${state}`)
    return true
  }
  const stats = createStats()
  const { tellMarkets } = createTellingActivities({ pool, signal, stats })
  return { told, away, stats, tell: tellMarkets }
}

test('a market hears of an alert once, and of its end once, though checks and failures repeat', async () => {
  await using database = await createDatabase()
  const { told, away, tell } = openTelling(database)
  await checkFinding(database, ['1', '2'])
  await checkFinding(database, ['1', '2'])
  away.marketId = '2'
  expect(await tell()).toEqual({ told: 1 })
  away.marketId = ''
  await tell()
  await tell()
  expect(told).toEqual(['1 raised', '2 raised'])
  await checkFinding(database, ['2'])
  await tell()
  expect(told.slice(2)).toEqual(['1 recovered'])
  await checkFinding(database, ['1', '2'])
  await tell()
  await checkFinding(database, [])
  await tell()
  expect(told.slice(3)).toEqual(['1 raised', '1 recovered', '2 recovered'])
})

test('a market that cannot be reached holds up no other, and is told by a later check', async () => {
  await using database = await createDatabase()
  const { told, away, stats, tell } = openTelling(database)
  const marketIds = Array.from({ length: 50 }, (_, at) => String(at))
  await checkFinding(database, marketIds)
  away.marketId = '0'
  expect(await tell()).toEqual({ told: 49 })
  expect(stats.read()).toMatchObject({ alertSignals: 49, alertSignalsFailed: 1 })
  away.marketId = ''
  expect(await tell()).toEqual({ told: 1 })
  expect(told.toSorted()).toEqual(marketIds.map((marketId) => `${marketId} raised`).toSorted())
})

test('a market that recovers before it was told is told nothing', async () => {
  await using database = await createDatabase()
  const { told, tell } = openTelling(database)
  await checkFinding(database, ['1'])
  await checkFinding(database, [])
  expect(await tell()).toEqual({ told: 0 })
  expect(told).toEqual([])
})

test('checks at the same moment open one episode, and another one after it has recovered', async () => {
  await using database = await createDatabase()
  await Promise.all([1, 2, 3].map(() => checkFinding(database, ['1'])))
  const count = async () => (await database.pool.query('select from feed_alerts')).rowCount
  expect(await count()).toBe(1)
  await checkFinding(database, [])
  await checkFinding(database, ['1'])
  expect(await count()).toBe(2)
})

test('notices of an alert are due one after the other, each until it was started', async () => {
  await using database = await createDatabase()
  const { pool } = database
  const due = async () => (await readDueNotices(pool, 10)).map(({ state }) => state)
  await checkFinding(database, ['1'])
  await checkFinding(database, [])
  const [raised] = await readDueNotices(pool, 10)
  expect(raised).toMatchObject({ state: 'raised', subject: SUBJECT, markets: 1 })
  if (raised === undefined) return
  expect([await markStarted(pool, raised), await markStarted(pool, raised)]).toEqual([true, false])
  expect(await due()).toEqual([])
  await markDelivered(pool, raised)
  expect(await due()).toEqual(['recovered'])
})

test('a webhook is sent again after anything but 2xx, and never once its 2xx is known, whoever asks', async () => {
  await using database = await createDatabase()
  await using receiver = await openReceiver([302, 404])
  const { pool } = database
  await checkFinding(database, ['1'])
  const [notice] = await readDueNotices(pool, 1)
  if (notice === undefined) throw new Error('no notice was due')
  const webhook = { url: receiver.url, secret: WEBHOOK_SECRET }
  const stats = createStats()
  const { announceNotice, deliverNotice } = createNoticeActivities({
    pool,
    webhook,
    log: createLog('control', 'silent'),
    stats,
  })
  const environment = new MockActivityEnvironment({}, { logger: SILENT })
  const deliver = (): Promise<void> => environment.run(deliverNotice, notice)
  expect([await announceNotice(notice), await announceNotice(notice)]).toEqual([{ isDone: false }, { isDone: false }])
  await expect(deliver()).rejects.toThrow('expected the alert webhook to answer 2xx, got 302')
  await expect(deliver()).rejects.toThrow('got 404')
  await deliver()
  await deliver()
  expect(receiver.calls.map(({ status }) => status)).toEqual([302, 404, 200])
  expect(stats.read()).toEqual({ feedAlertsRaised: 1, alertWebhookFailures: 2, alertWebhooks: 1 })
})
