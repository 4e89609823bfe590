import type { Redis } from 'ioredis'
import type { Pool } from 'pg'
import {
  CATALOG_SUBJECT,
  FEED_KINDS,
  feedSubject,
  normalizerSubject,
  REDIS_SUBJECT,
  TRADES_SUBJECT,
} from '../domain/heartbeat.ts'
import { FEED_COMMANDS_CHANNEL, RESYNC_CHANNEL } from '../domain/keys.ts'
import { planEpisodes, withoutSteps, type OpenAlert, type Plan } from '../heartbeats/episodes.ts'
import { findProblems, type Findings, type Windows } from '../heartbeats/silence.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { readUntold } from '../store/feed-alert-markets.ts'
import { readDueNotices, type Notice } from '../store/feed-alert-notices.ts'
import { recordCheck, type Check, type Recorded, type Standing } from '../store/feed-alerts.ts'
import { forgetReports, noteExpected, readConcerned, readReports, type Read } from './heartbeat-reading.ts'
import { checkPartitions } from './partition-watch.ts'

export type HeartbeatDeps = {
  redis: Redis
  pool: Pool
  shardCount: number
  /** Whether the Data API is to be polled. */
  isPolling: boolean
  windows: Windows
  /** Reckons the costs, and moves what is shed. */
  watchCosts: () => Promise<Recorded>
  /** Whether the catalogue is to be refreshed: an operator may have paused its schedule. */
  isCatalogueDue: () => Promise<boolean>
  /** Whether this check was begun before and failed. */
  isAgain: () => boolean
  log: Logger
  stats: Stats
}

/** `notices`: what people are to be told now. `isTelling`: market workflows are to be told something. */
export type Compared = { open: number; notices: Notice[]; isTelling: boolean }

const NOTHING_RECORDED: Recorded = { raised: [], kept: [], recovered: [] }
const NOTICES_LIMIT = 100
/** The feeds ask REST for 100 tokens a call: no more than that at once. */
const RESYNC_LIMIT = 200

const expectedOf = async (
  { shardCount, isPolling, isCatalogueDue }: HeartbeatDeps,
  { groups }: Read,
): Promise<Set<string>> => {
  const feeds = [...groups].map((group) => feedSubject(`${group}:a`))
  const shards = Array.from({ length: shardCount }, (_, shard) => normalizerSubject(shard))
  const others = [...(isPolling ? [TRADES_SUBJECT] : []), ...((await isCatalogueDue()) ? [CATALOG_SUBJECT] : [])]
  return new Set([...feeds, ...shards, ...others])
}

type Look = { marketsOf: Map<string, string[]>; plan: Check['plan'] }

const lookAtReports = async (deps: HeartbeatDeps): Promise<Look> => {
  const { redis, shardCount, windows } = deps
  const reports = await readReports(redis)
  const expected = await expectedOf(deps, reports)
  const absent = [...expected].filter((subject) => !reports.bySubject.has(subject))
  await noteExpected(redis, absent, reports.nowMs)
  const findings = findProblems({ reports, expected, windows })
  await forgetReports(redis, findings.gone)
  const place = { redis, groups: reports.groups, shardCount }
  const marketsOf = await readConcerned(findings.problems.values(), place)
  return { marketsOf, plan: (open) => planEpisodes(open, findings) }
}

/** Without Redis nothing is known of anybody but that; what is open stays open. */
const planBlind = (open: OpenAlert[], isOverdue: boolean): Plan => {
  const findings: Findings = { problems: new Map(), unknown: new Set(open.map(({ subject }) => subject)), gone: [] }
  if (isOverdue) {
    findings.problems.set(REDIS_SUBJECT, {
      kind: 'redis',
      subject: REDIS_SUBJECT,
      reason: 'no_answer',
      detail: 'Redis does not answer: nothing is known of any feed',
      epoch: '',
      concerned: { type: 'nobody' },
    })
  }
  return planEpisodes(open, findings)
}

/** Tries what the plan says. What Redis does not take is tried no more: the next check takes the next step. */
const tryStep = async (
  { redis, log, stats }: HeartbeatDeps,
  { alertId, problem, step }: Standing,
  markets: string[],
) => {
  if (step === undefined) return
  const { subject, epoch } = problem
  stats.count('alertSteps')
  log.warn({ alertId, subject, step, epoch, markets: markets.length }, 'a step was tried for an alert')
  const pipeline = redis.pipeline()
  if (step === 'resync') for (const id of markets.slice(0, RESYNC_LIMIT)) pipeline.publish(RESYNC_CHANNEL, id)
  else if (step !== 'page' && epoch !== '') pipeline.publish(FEED_COMMANDS_CHANNEL, `${step} ${epoch}`)
  await pipeline.exec()
}

export type HeartbeatActivities = ReturnType<typeof createHeartbeatActivities>

export const createHeartbeatActivities = (deps: HeartbeatDeps) => {
  const { pool, windows, log, stats } = deps
  let redisAnsweredTimeMs = Date.now()
  const look = async (): Promise<Look> => {
    try {
      const seen = await lookAtReports(deps)
      redisAnsweredTimeMs = Date.now()
      return seen
    } catch (error) {
      const isOverdue = Date.now() - redisAnsweredTimeMs > windows.redis
      log.warn({ error, isOverdue }, 'heartbeats could not be read')
      return { marketsOf: new Map(), plan: (open) => planBlind(open, isOverdue) }
    }
  }
  const tryAll = async ({ raised, kept }: Recorded, marketsOf: Map<string, string[]>): Promise<void> => {
    for (const standing of [...raised, ...kept]) {
      await tryStep(deps, standing, marketsOf.get(standing.problem.subject) ?? []).catch((error: unknown) =>
        log.warn({ error, subject: standing.problem.subject }, 'a step could not be tried'),
      )
    }
  }
  return {
    /**
     * Compares what was reported with who should report, looks for the partitions of tomorrow and after the costs; raises,
     * keeps and closes alerts and tries the next steps.
     */
    compareHeartbeats: async (): Promise<Compared> => {
      const { marketsOf, plan } = await look()
      const missed = await recordCheck(pool, {
        kinds: FEED_KINDS,
        plan: (open) => (deps.isAgain() ? withoutSteps(plan(open)) : plan(open)),
        marketsOf,
      })
      await tryAll(missed, marketsOf)
      const lacking = await checkPartitions(pool, { isAgain: deps.isAgain() })
      await tryAll(lacking, new Map())
      const costs = await deps.watchCosts().catch((error: unknown) => {
        log.warn({ error }, 'the costs could not be reckoned')
        return NOTHING_RECORDED
      })
      const open = [missed, lacking, costs].flatMap(({ raised, kept }) => [...raised, ...kept]).length
      stats.set('feedAlertsOpen', open)
      const notices = await readDueNotices(pool, NOTICES_LIMIT)
      const untold = await readUntold(pool, 1)
      return { open, notices, isTelling: untold.length > 0 }
    },
  }
}
