import type { Confirmation } from '../activities/subscription.ts'
import type { DesiredState, MarketEnd } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import type { Carried, Enrolled, FeedAlert, MarketCard, StandingAlert } from './market-contract.ts'

/**
 * What a market workflow remembers. A desire has a generation; it is *due* until the generation was applied (written for
 * the feed), confirmed (by the venue; asked for only where somebody waits or frames must stop) and recorded (an
 * operator's override, in Postgres).
 */
export type MarketRecord = {
  marketId: string
  origin: 'operator' | 'policy'
  depth: number | undefined
  card: MarketCard | undefined
  desired: DesiredState
  generation: number
  /** Of which the feed may have heard: it was being applied, whether that was answered or not. */
  askedGeneration: number
  appliedGeneration: number
  confirmedGeneration: number
  confirmedTimeMs: number | undefined
  /** Of which the feed said that it holds it back, since everything is paused. */
  heldGeneration: number
  recordedGeneration: number
  /** Updates wait for this generation. */
  awaitedGeneration: number
  group: number | undefined
  observed: Observation | undefined
  /** Oldest first. */
  alerts: StandingAlert[]
  /** The venue has settled it: it is unsubscribed, and the workflow ends with what is left of its stream. */
  isResolved: boolean
  end: MarketEnd | undefined
  isReassertWanted: boolean
  isForgotten: boolean
  note: string
}

type Given = {
  marketId: string
  origin: 'operator' | 'policy'
  depth?: number | undefined
  market?: MarketCard | undefined
  enrolled?: Enrolled | undefined
  carried?: Carried | undefined
}

/** Generations are instants, so that a workflow that was started anew stands above its predecessor. */
const begun = ({ origin, enrolled }: Given, nowMs: number): Carried => {
  const generation = enrolled?.generation ?? nowMs
  return {
    desired: 'active',
    generation,
    appliedGeneration: enrolled?.generation ?? 0,
    confirmedGeneration: 0,
    heldGeneration: 0,
    recordedGeneration: origin === 'policy' ? generation : 0,
    group: enrolled?.group,
    note: '',
    observed: enrolled?.observed,
    alerts: [],
    isResolved: false,
  }
}

export const newRecord = (given: Given, nowMs: number): MarketRecord => {
  const from = given.carried ?? begun(given, nowMs)
  const record: MarketRecord = {
    marketId: given.marketId,
    origin: given.origin,
    depth: given.depth,
    card: given.market,
    desired: from.desired,
    generation: from.generation,
    askedGeneration: given.carried === undefined ? from.appliedGeneration : from.generation,
    appliedGeneration: from.appliedGeneration,
    confirmedGeneration: from.confirmedGeneration,
    confirmedTimeMs: from.confirmedTimeMs,
    heldGeneration: from.heldGeneration,
    recordedGeneration: from.recordedGeneration,
    awaitedGeneration: 0,
    group: from.group,
    observed: undefined,
    alerts: from.alerts,
    isResolved: from.isResolved,
    end: undefined,
    isReassertWanted: false,
    isForgotten: false,
    note: from.note,
  }
  if (from.observed !== undefined) see(record, from.observed, nowMs)
  return record
}

export const carriedOf = (record: MarketRecord): Carried => ({
  desired: record.desired,
  generation: record.generation,
  appliedGeneration: record.appliedGeneration,
  confirmedGeneration: record.confirmedGeneration,
  confirmedTimeMs: record.confirmedTimeMs,
  heldGeneration: record.heldGeneration,
  recordedGeneration: record.recordedGeneration,
  group: record.group,
  observed: record.observed,
  alerts: record.alerts,
  isResolved: record.isResolved,
  note: record.note,
})

/** A market has few feeds and few rules: more are a fault, of which the newest are kept. */
const MOST_ALERTS = 20

/** Takes note of an alert that was raised or has recovered; one that is raised again keeps its beginning. */
export const noteAlert = (record: MarketRecord, { alertId, state, reason, atTimeMs }: FeedAlert): void => {
  const standing = record.alerts.find((alert) => alert.alertId === alertId)
  const others = record.alerts.filter((alert) => alert !== standing)
  const raised = { alertId, reason, sinceTimeMs: standing?.sinceTimeMs ?? atTimeMs }
  record.alerts = state === 'raised' ? [...others, raised].slice(-MOST_ALERTS) : others
}

/** Takes a report of the normalizer. A resolution ends the subscription, but is nobody's decision to remember. */
export const see = (record: MarketRecord, observed: Observation, nowMs: number): void => {
  record.observed = observed
  // Let go: whoever waits for the confirmation gets it now.
  if (observed.state !== 'paused') record.heldGeneration = 0
  if (observed.state === 'resolved') resolve(record, nowMs)
}

export const resolve = (record: MarketRecord, nowMs: number): void => {
  if (record.desired === 'stopped') return
  record.isResolved = true
  record.desired = 'stopped'
  record.generation = Math.max(record.generation + 1, nowMs)
  record.recordedGeneration = record.generation
  record.note = 'resolved: it is unsubscribed, and ends when its stream is in Postgres'
}

/** Why a market that is to end takes no other desire. */
export const whyFinal = ({ isResolved }: MarketRecord): string =>
  isResolved
    ? 'the market has resolved, there is nothing more to record'
    : 'the market is being stopped; start it again afterwards'

/** The last desire wins; a stop is final, since the workflow ends with it. */
export const desire = (record: MarketRecord, state: DesiredState, nowMs: number): void => {
  if (record.desired === 'stopped' && state !== 'stopped') {
    record.note = `${state} was refused: ${whyFinal(record)}`
    return
  }
  if (record.isResolved) return
  record.note = state === 'stopped' ? 'stopped by hand: discovery leaves it alone until it is started again' : ''
  if (record.desired === state) return
  record.desired = state
  record.generation = Math.max(record.generation + 1, nowMs)
}

/** Of the same state with another depth: what was confirmed, recorded or awaited of the state stands. */
export const desireDepth = (record: MarketRecord, depth: number, nowMs: number): void => {
  record.note = ''
  if (record.depth === depth) return
  record.depth = depth
  const { generation } = record
  record.generation = Math.max(generation + 1, nowMs)
  for (const name of ['confirmedGeneration', 'heldGeneration', 'recordedGeneration', 'awaitedGeneration'] as const) {
    if (record[name] === generation) record[name] = record.generation
  }
}

type Asked = { generation: number; seen: Observation | undefined }

/** Takes what the feed answered of a generation; `seen`: as of the question. */
export const noteConfirmation = (record: MarketRecord, { generation, seen }: Asked, answer: Confirmation): void => {
  if (!answer.isHeld) {
    record.confirmedGeneration = generation
    record.confirmedTimeMs = answer.confirmedTimeMs
  }
  // A report that came meanwhile is newer than the answer.
  const isLetGo = record.observed !== seen && record.observed?.state !== 'paused'
  record.heldGeneration = answer.isHeld && !isLetGo ? generation : 0
}

export const isHeld = ({ heldGeneration, generation }: MarketRecord): boolean => heldGeneration === generation

/** The report of an earlier pause: a market that is still held back, since everything is paused, sends no other. */
const isSeenPausedBefore = ({ observed, generation }: MarketRecord): boolean =>
  observed?.state === 'paused' && observed.atTimeMs <= generation

export const isConfirmWanted = (record: MarketRecord): boolean =>
  record.confirmedGeneration < record.generation &&
  !isHeld(record) &&
  (record.desired !== 'active' || record.awaitedGeneration === record.generation || isSeenPausedBefore(record))

export const isDue = (record: MarketRecord): boolean =>
  record.isReassertWanted ||
  record.appliedGeneration < record.generation ||
  isConfirmWanted(record) ||
  record.recordedGeneration < record.generation ||
  (record.desired === 'stopped' && !record.isForgotten)

export const isConfirmed = (record: MarketRecord): boolean => record.confirmedGeneration >= record.generation

/** Undefined is the default, until the first answer of `applySubscription` names it. */
export const isDepthApplied = ({ depth, observed }: MarketRecord): boolean =>
  depth !== undefined && observed?.depth === depth
