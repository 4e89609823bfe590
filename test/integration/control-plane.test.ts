import type { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { confirmedKey, desiredKey, FEED_GROUPS_KEY, MARKETS_STREAM } from '../../src/domain/keys.ts'
import { expectWithin, timed } from '../support/quickest.ts'
import { until } from '../workflows/support/control-plane.ts'
import { openControlWorker, type ControlWorker } from './control-worker.ts'

let worker: ControlWorker
let client: Client
let redis: Redis
beforeAll(async () => {
  worker = await openControlWorker([516710, 516711, 516712, 516713], 2)
  ;({ client, redis } = worker)
  expect(await worker.start({ HEARTBEAT_WINDOW_MS_MARKET_CHANNEL: '2000' }), worker.logged()).toBe(true)
})
afterAll(() => worker[Symbol.asyncDispose]())

const startByHand = (marketId: string): Promise<string> => {
  const words = 'workflow start --type marketSubscription --task-queue control --workflow-id'.split(' ')
  return worker.temporal(...words, `market:${marketId}`, '--input', `{"marketId":"${marketId}"}`)
}
const status = async (marketId: string): Promise<Record<string, unknown>> => {
  const words = 'workflow query --type status --output json --workflow-id'.split(' ')
  const answer: unknown = JSON.parse(await worker.temporal(...words, `market:${marketId}`))
  return (answer as { queryResult: Record<string, unknown>[] }).queryResult[0] ?? {}
}
const signal = (marketId: string, name: string): Promise<string> =>
  worker.temporal('workflow', 'signal', '--workflow-id', `market:${marketId}`, '--name', name)
const setState = (marketId: string, input: string): string[] => {
  const words = 'workflow update execute --name setState --workflow-id'.split(' ')
  return [...words, `market:${marketId}`, '--input', input]
}
const writeRow = (marketId: string): Promise<unknown> =>
  worker.pool.query(
    `insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk)
     values ($1, $1, $1, $1, 'active', 0.01, 5, false) on conflict do nothing`,
    [marketId],
  )
const override = async (marketId: string): Promise<string | null | undefined> => {
  const sql = 'select subscription_override from markets where market_id = $1'
  const { rows } = await worker.pool.query<{ subscription_override: string | null }>(sql, [marketId])
  return rows[0]?.subscription_override
}
const stateOf = async (workflowId: string): Promise<string | undefined> => {
  const found = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch(() => undefined)
  return found?.status.name
}
const running = async (workflowId: string): Promise<boolean> => (await stateOf(workflowId)) === 'RUNNING'

const setEverything = (input: string): string[] => {
  const words = 'workflow execute --type setEverything --task-queue control --workflow-id everything --output json'
  return [...words.split(' '), '--input', input]
}
const switched = async (): Promise<unknown> =>
  (await worker.pool.query("select state from operator_switches where name = 'everything'")).rows[0]?.state

describe('the control worker', () => {
  test('starts the top markets by volume with their question as summary, catalogue first', async () => {
    await until(async () => (await running('market:516710')) && (await running('market:516711')))
    expect(await running('market:516712')).toBe(false)
    const description = await client.workflow.getHandle('market:516710').describe()
    expect(await description.staticSummary()).toBe('Will number 516710 come up?')
    expect(await redis.xlen(MARKETS_STREAM)).toBeGreaterThan(0)
    const desired = await until(async () => (await redis.hget(desiredKey(0), '516710')) ?? undefined)
    expect(JSON.parse(desired)).toMatchObject({ marketId: '516710', state: 'active', tokens: { length: 2 } })
    await until(async () => running('feed:0:a'))
    await until(async () => running('normalizer:0'))
  })

  test('takes the command of the manual, pauses, resumes and answers setState when it is confirmed', async () => {
    await startByHand('516713')
    await until(async () => (await status('516713'))['feedGroup'] === 0)
    await writeRow('516713')
    await signal('516713', 'pause')
    await until(async () => (await status('516713'))['state'] === 'paused')
    await until(async () => (await override('516713')) === 'paused')
    await signal('516713', 'resume')
    await until(async () => (await status('516713'))['desired'] === 'active')
    await until(async () => (await override('516713')) === null)

    const startedTimeMs = Date.now()
    expect(await worker.temporal(...setState('516713', '{"state":"paused"}'))).toContain('state:paused')
    console.log(`setState by the CLI took ${Date.now() - startedTimeMs} ms`)
    expect(await worker.temporal(...setState('516713', '{"state":"active"}'))).toContain('desired:active')
    const confirmed = JSON.parse((await redis.hget(confirmedKey(0), '516713')) ?? '{}') as object
    expect(confirmed).toMatchObject({ state: 'active' })
  })

  test('refuses what does not fit and leaves the state unchanged', async () => {
    const before = await status('516713')
    for (const input of ['{"state":"resolved"}', '{}', '{"state":"paused","extra":1}', '"paused"']) {
      expect(await worker.refusal(...setState('516713', input))).toMatch(
        /unable to update workflow: expected \{.*active/,
      )
    }
    expect(await worker.refusal(...setState('516713', '{"state":'))).toContain('is not valid JSON')
    expect(await status('516713')).toMatchObject({ generation: before['generation'], desired: before['desired'] })
    expect(await worker.refusal('workflow', 'signal', '--workflow-id', 'market:1', '--name', 'pause')).toContain(
      'not found',
    )
    await startByHand('516713')
    expect((await status('516713'))['generation']).toBe(before['generation'])
  })

  test('fails within 5 s for a market that the venue does not know', async () => {
    await expectWithin('an unknown market fails', 5_000, async (attempt) => {
      const marketId = String(999 - attempt)
      await startByHand(marketId)
      const ended = await until(async () => {
        const found = await client.workflow.getHandle(`market:${marketId}`).describe()
        return found.status.name === 'FAILED' && found
      })
      return Number(ended.closeTime) - Number(ended.startTime)
    })
    const shown = await worker.temporal('workflow', 'describe', '--workflow-id', 'market:999')
    expect(shown).toContain("market 999 is unknown: the venue's catalogue answered 404; check the id")
  })

  test('turns the switch over every market by one command that answers when the feeds have followed, and turned back by another', async () => {
    await until(async () => (await redis.hlen(FEED_GROUPS_KEY)) > 0)
    const answer: unknown = JSON.parse(await worker.temporal(...setEverything('{"state":"paused"}')))
    expect(answer).toMatchObject({ status: 'COMPLETED', result: { state: 'paused', feeds: 1, markets: 1 } })
    expect(await switched()).toBe('paused')
    expect(JSON.parse(await worker.temporal(...setEverything('{"state":"active"}')))).toMatchObject({
      status: 'COMPLETED',
    })
    expect(await switched()).toBe('active')
  })

  test('leaves the switch over every market as it is where the input does not fit', async () => {
    const before = await switched()
    for (const input of ['{"state":"off"}', '{"state":"paused","markets":["1"]}', '"paused"']) {
      expect(await worker.refusal(...setEverything(input))).not.toMatch(/^accepted/)
      const told = client.workflow.getHandle('everything').result()
      await expect(told).rejects.toMatchObject({ cause: { type: 'BadInput' } })
    }
    expect(await worker.refusal(...setEverything('{"state":'))).not.toMatch(/^accepted/)
    expect(await switched()).toBe(before)
  })

  test('remembers a stop by hand, and discovery honours it', async () => {
    await writeRow('516711')
    await signal('516711', 'stop')
    await until(async () => (await client.workflow.getHandle('market:516711').describe()).status.name === 'COMPLETED')
    expect(await override('516711')).toBe('stopped')
    expect(await redis.hget(FEED_GROUPS_KEY, '516711')).toBeNull()
    await worker.temporal('schedule', 'trigger', '--schedule-id', 'refreshCatalog')
    await until(async () => {
      const [last] = (await client.schedule.getHandle('refreshCatalog').describe()).info.recentActions.slice(-1)
      const id = last?.action.workflow.workflowId ?? ''
      return (await client.workflow.getHandle(id).describe()).status.name === 'COMPLETED'
    })
    expect(await running('market:516711')).toBe(false)
  })

  test('ends the market of the policy that is no longer among the top, not one started by hand', async () => {
    worker.gamma.markets.set('516712', { ...worker.gamma.markets.get('516712'), volume24hr: 9_000_000 })
    worker.gamma.markets.set('516711', { ...worker.gamma.markets.get('516711'), volume24hr: 8_000_000 })
    await worker.temporal('schedule', 'trigger', '--schedule-id', 'refreshCatalog')
    await until(async () => running('market:516712'))
    await until(async () => (await client.workflow.getHandle('market:516710').describe()).status.name === 'CANCELLED')
    expect(await override('516710')).toBeUndefined()
    expect(await running('market:516713')).toBe(true)
    expect(await redis.hget(FEED_GROUPS_KEY, '516710')).toBeNull()
  })

  test('unsubscribes a market whose workflow was terminated and that is wanted no more', async () => {
    await worker.temporal('workflow', 'terminate', '--workflow-id', 'market:516712')
    worker.gamma.markets.set('516712', { ...worker.gamma.markets.get('516712'), volume24hr: 0 })
    // One that was enrolled just now might be about to start.
    await until(async () => {
      await worker.temporal('schedule', 'trigger', '--schedule-id', 'refreshCatalog')
      return (await redis.hget(FEED_GROUPS_KEY, '516712')) === null
    }, 90_000)
    expect(await redis.hget(desiredKey(0), '516712')).toBeNull()
    expect(await running('market:516713')).toBe(true)
  })

  test('misses the heartbeat of a feed that reports nothing, by its own schedule, and says so', async () => {
    const sql = `select reason, delivered_at is not null as told from feed_alerts join feed_alert_notices using (alert_id)
      where subject = 'feed:0:a' and state = 'raised'`
    const alerts = await until(async () => {
      const { rows } = await worker.pool.query(sql)
      return rows.length > 0 && rows[0].told ? rows : undefined
    }, 90_000)
    expect(alerts).toEqual([{ reason: 'no_report', told: true }])
    await until(async () => worker.logged().includes('heartbeats were missed'))
  })

  test('writes the desired states again when Redis was emptied', async () => {
    await redis.flushall()
    await until(async () => (await redis.hget(desiredKey(0), '516713')) !== null, 90_000)
  })

  test('brings an owner workflow back that was terminated', async () => {
    await worker.temporal('workflow', 'terminate', '--workflow-id', 'feed:0:a')
    await worker.temporal('workflow', 'terminate', '--workflow-id', 'normalizer:0')
    await until(async () => (await running('feed:0:a')) && (await running('normalizer:0')), 90_000)
  })

  test("ends within 3 s on SIGTERM, and keeps an operator's pause of a schedule at the next start", async () => {
    await worker.temporal('schedule', 'toggle', '--schedule-id', 'refreshCatalog', '--pause', '--reason', 'a test')
    await expectWithin('a control worker ends on SIGTERM', 3_000, async (attempt) => {
      if (attempt > 0) await worker.start()
      return worker.stop()
    })
    console.log(`a control worker started in ${await timed(() => worker.start())} ms`)
    const { state } = await client.schedule.getHandle('refreshCatalog').describe()
    expect(state).toMatchObject({ paused: true, note: 'a test' })
    expect(await status('516713')).toMatchObject({ desired: 'active' })
  })

  test('waits for a database that does not answer, and says so', async () => {
    await worker.stop()
    await expectWithin('a control worker that waits ends on SIGTERM', 3_000, async () => {
      const starting = worker.start({ DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' })
      await until(async () => worker.logged().includes('expected Postgres at 127.0.0.1:1 to answer'))
      expect(worker.logged()).toContain('Start it, or set DATABASE_URL.')
      expect(worker.logged()).not.toContain('secret')
      const tookMs = await worker.stop()
      expect(await starting).toBe(false)
      return tookMs
    })
  })
})
