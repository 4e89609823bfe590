import type { Client } from '@temporalio/client'
import type { Observation } from '../domain/observation.ts'
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
/** Books come before thousands of workflows have started: a market without one is asked for again, for two minutes. */
const AGAIN_MS = 5_000
const LONGEST_ABSENCE_MS = 120_000

export type Observer = Disposable & { report(observation: Observation): void }

type Seen = {
  observation: Observation
  sinceMs: number
  told: string | undefined
  nextTimeMs: number
}
type Deps = { send: (observation: Observation) => Promise<boolean>; log: Logger; stats: Stats }

export const toSignals =
  (client: Client) =>
  (observation: Observation): Promise<boolean> =>
    signalMarket(client, observation.marketId, 'observed', [observation])

/** What is news when it changes. */
const newsOf = ({ state, depth }: Observation): string => `${state} ${depth}`

/** Keeps the newest observation of a market, and says whether its workflow has heard another one last. */
const isNews = (seen: Map<string, Seen>, observation: Observation): boolean => {
  const { marketId } = observation
  const entry = seen.get(marketId)
  const isSame = entry !== undefined && newsOf(entry.observation) === newsOf(observation)
  const sinceMs = isSame ? entry.sinceMs : Date.now()
  const told = entry?.told
  if (entry === undefined) seen.set(marketId, { observation, sinceMs, told, nextTimeMs: 0 })
  else Object.assign(entry, { observation, sinceMs })
  return told !== newsOf(observation)
}

/** A workflow that is not there yet may come. That of a resolved market has ended, or sees it at its start. */
const isPutOff = (entry: Seen): boolean => {
  if (entry.observation.state === 'resolved') return false
  entry.nextTimeMs = Date.now() + AGAIN_MS
  return Date.now() - entry.sinceMs < LONGEST_ABSENCE_MS
}

const isDue = ({ sinceMs, nextTimeMs }: Seen, now: number): boolean => sinceMs + SETTLED_MS <= now && nextTimeMs <= now

/** Turns observations into signals: changes that lasted, the latest a market, never faster than 100 a second. */
export const openObserver = ({ send, log, stats }: Deps): Observer => {
  const seen = new Map<string, Seen>()
  const pending = new Set<string>()
  let isBusy = false
  let resumeTimeMs = 0

  const tell = async (entry: Seen): Promise<void> => {
    const { observation } = entry
    const isThere = await send(observation)
    if (!isThere && isPutOff(entry)) return
    if (!isThere && observation.state !== 'resolved') stats.count('observationsDropped')
    entry.told = newsOf(observation)
    if (newsOf(entry.observation) === entry.told) pending.delete(observation.marketId)
  }
  const round = async (): Promise<void> => {
    const now = Date.now()
    const due: Seen[] = []
    for (const marketId of pending) {
      const entry = seen.get(marketId)
      if (entry !== undefined && isDue(entry, now)) due.push(entry)
      if (due.length === SIGNALS_A_ROUND) break
    }
    await Promise.all(due.map(tell))
  }
  const timer = setInterval(() => {
    if (isBusy || pending.size === 0 || Date.now() < resumeTimeMs) return
    isBusy = true
    round()
      .catch((error: unknown) => {
        resumeTimeMs = Date.now() + PAUSE_MS
        log.warn(`could not tell market workflows what was observed: ${reasonOf(error)}; trying again`)
      })
      .finally(() => (isBusy = false))
  }, EVERY_MS)

  return {
    report: (observation) => {
      if (isNews(seen, observation)) pending.add(observation.marketId)
      else pending.delete(observation.marketId)
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
