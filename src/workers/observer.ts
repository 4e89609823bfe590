import type { Client } from '@temporalio/client'
import type { Redis } from 'ioredis'
import { NEWS_KEY } from '../domain/keys.ts'
import { BEING_STARTED, newsOf, type Observation } from '../domain/observation.ts'
import { oneAtATime } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { signalMarket } from './market-runs.ts'
import { reasonOf } from './until-reachable.ts'

/** A state must have lasted so long before anybody hears of it: a resync of 200 ms is no news. */
const SETTLED_MS = 1_000
const EVERY_MS = 100
/** 100 a second. */
const SIGNALS_A_ROUND = 10
/** After a failure of the server the round is left out for so long. */
const PAUSE_MS = 2_000
/** Books come before thousands of workflows have started: a market without one is tried again, for two minutes. */
const AGAIN_MS = 5_000
const LONGEST_AGAIN_MS = 40_000
const LONGEST_ABSENCE_MS = 120_000

export type Observer = Disposable & { report(observation: Observation): void }

type Seen = {
  observation: Observation
  sinceMs: number
  /** What its workflow has heard last; undefined before this process has told it anything. */
  told: string | undefined
  nextTimeMs: number
  absentMs: number
}

/** What workflows have heard, also of a process before this one, or were given at their start. */
export type News = {
  read(marketIds: string[]): Promise<(string | null)[]>
  note(marketId: string, news: string): Promise<unknown>
  /** Of markets that are told something now, or have ended: whatever is seen of them next is news. */
  forget(marketIds: string[]): Promise<unknown>
}
type Deps = { send: (observation: Observation) => Promise<boolean>; news: News; log: Logger; stats: Stats }

export const newsIn = (redis: Redis): News => ({
  read: (marketIds) => redis.hmget(NEWS_KEY, ...marketIds),
  note: (marketId, news) => redis.hset(NEWS_KEY, marketId, news),
  forget: (marketIds) => redis.hdel(NEWS_KEY, ...marketIds),
})

export const toSignals =
  (client: Client) =>
  (observation: Observation): Promise<boolean> =>
    signalMarket(client, observation.marketId, 'observed', [observation])

/** Keeps the newest observation of a market, and says whether its workflow has heard another one last. */
const isNews = (seen: Map<string, Seen>, observation: Observation): boolean => {
  const { marketId } = observation
  const entry = seen.get(marketId)
  const isSame = entry !== undefined && newsOf(entry.observation) === newsOf(observation)
  const sinceMs = isSame ? entry.sinceMs : Date.now()
  const told = entry?.told
  if (entry === undefined) seen.set(marketId, { observation, sinceMs, told, nextTimeMs: 0, absentMs: AGAIN_MS })
  else Object.assign(entry, { observation, sinceMs })
  return told !== newsOf(observation)
}

/** A workflow that is not there yet may come. That of a resolved market has ended, or sees it at its start. */
const isPutOff = (entry: Seen): boolean => {
  if (entry.observation.state === 'resolved' || Date.now() - entry.sinceMs >= LONGEST_ABSENCE_MS) return false
  entry.nextTimeMs = Date.now() + entry.absentMs
  entry.absentMs = Math.min(entry.absentMs * 2, LONGEST_AGAIN_MS)
  return true
}

const isDue = ({ sinceMs, nextTimeMs }: Seen, now: number): boolean => sinceMs + SETTLED_MS <= now && nextTimeMs <= now

/** In place of what a workflow has heard, while it is told something: until the answer it may have heard either. */
const BEING_TOLD = 'being told'

const hear = (entry: Seen, told: string, pending: Set<string>): void => {
  entry.told = told
  if (newsOf(entry.observation) === told) pending.delete(entry.observation.marketId)
}

/** Of markets that this process has told nothing yet, those that are to be told: others have heard it, or will at their start. */
const unheard = async (entries: Seen[], news: News, pending: Set<string>): Promise<Seen[]> => {
  const first = entries.filter(({ told }) => told === undefined)
  if (first.length === 0) return entries
  const heard = await news.read(first.map(({ observation }) => observation.marketId)).catch(() => [])
  first.forEach((entry, at) => {
    const last = heard[at]
    if (last === BEING_STARTED) isPutOff(entry)
    else if (last === newsOf(entry.observation)) hear(entry, last, pending)
  })
  const now = Date.now()
  return entries.filter((entry) => pending.has(entry.observation.marketId) && isDue(entry, now))
}

/** Turns observations into signals: changes that lasted, the latest a market, never faster than 100 a second. */
export const openObserver = ({ send, news, log, stats }: Deps): Observer => {
  const seen = new Map<string, Seen>()
  const pending = new Set<string>()
  let resumeTimeMs = 0

  const tell = async (entry: Seen): Promise<void> => {
    const { observation, told } = entry
    entry.told = BEING_TOLD
    const isThere = await send(observation)
    if (!isThere && isPutOff(entry)) return void (entry.told = told)
    if (!isThere && observation.state !== 'resolved') stats.count('observationsDropped')
    hear(entry, newsOf(observation), pending)
    const hasEnded = observation.state === 'resolved' || observation.state === 'stopped'
    if (hasEnded && !pending.has(observation.marketId)) seen.delete(observation.marketId)
    if (!hasEnded) await news.note(observation.marketId, newsOf(observation)).catch(() => undefined)
  }
  const tellAll = async (entries: Seen[]): Promise<void> => {
    if (entries.length === 0) return
    await news.forget(entries.map(({ observation }) => observation.marketId)).catch(() => undefined)
    await Promise.all(entries.map(tell))
  }
  const round = async (): Promise<void> => {
    const now = Date.now()
    const due: Seen[] = []
    for (const marketId of pending) {
      const entry = seen.get(marketId)
      if (entry !== undefined && isDue(entry, now)) due.push(entry)
      if (due.length === SIGNALS_A_ROUND) break
    }
    await tellAll(await unheard(due, news, pending))
  }
  const next = oneAtATime(round, (error) => {
    resumeTimeMs = Date.now() + PAUSE_MS
    log.warn(`could not tell market workflows what was observed: ${reasonOf(error)}; trying again`)
  })
  const timer = setInterval(() => {
    if (pending.size > 0 && Date.now() >= resumeTimeMs) next()
  }, EVERY_MS)

  return {
    report: (observation) => {
      if (isNews(seen, observation)) pending.add(observation.marketId)
      else pending.delete(observation.marketId)
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
