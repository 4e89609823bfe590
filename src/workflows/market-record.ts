import type { DesiredState, MarketState } from '../domain/market.ts'
import type { Observation } from '../domain/observation.ts'
import type { Carried, Enrolled, MarketCard, MarketStatus } from './market-contract.ts'

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
  appliedGeneration: number
  confirmedGeneration: number
  confirmedTimeMs: number | undefined
  recordedGeneration: number
  /** Updates wait for this generation. */
  awaitedGeneration: number
  group: number | undefined
  observed: Observation | undefined
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
    recordedGeneration: origin === 'policy' ? generation : 0,
    group: enrolled?.group,
    note: '',
    observed: enrolled?.observed,
  }
}

export const newRecord = (given: Given, nowMs: number): MarketRecord => {
  const from = given.carried ?? begun(given, nowMs)
  return {
    marketId: given.marketId,
    origin: given.origin,
    depth: given.depth,
    card: given.market,
    desired: from.desired,
    generation: from.generation,
    appliedGeneration: from.appliedGeneration,
    confirmedGeneration: from.confirmedGeneration,
    confirmedTimeMs: from.confirmedTimeMs,
    recordedGeneration: from.recordedGeneration,
    awaitedGeneration: 0,
    group: from.group,
    observed: from.observed,
    isReassertWanted: false,
    isForgotten: false,
    note: from.note,
  }
}

export const carriedOf = (record: MarketRecord): Carried => ({
  desired: record.desired,
  generation: record.generation,
  appliedGeneration: record.appliedGeneration,
  confirmedGeneration: record.confirmedGeneration,
  confirmedTimeMs: record.confirmedTimeMs,
  recordedGeneration: record.recordedGeneration,
  group: record.group,
  observed: record.observed,
  note: record.note,
})

/** The last desire wins; a stop is final, since the workflow ends with it. */
export const desire = (record: MarketRecord, state: DesiredState, nowMs: number): void => {
  if (record.desired === 'stopped' && state !== 'stopped') {
    record.note = `${state} was refused: the market is being stopped; start it again afterwards`
    return
  }
  record.note = ''
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
  for (const name of ['confirmedGeneration', 'recordedGeneration', 'awaitedGeneration'] as const) {
    if (record[name] === generation) record[name] = record.generation
  }
}

export const isConfirmWanted = (record: MarketRecord): boolean =>
  record.confirmedGeneration < record.generation &&
  (record.desired !== 'active' || record.awaitedGeneration === record.generation)

export const isDue = (record: MarketRecord): boolean =>
  record.isReassertWanted ||
  record.appliedGeneration < record.generation ||
  isConfirmWanted(record) ||
  record.recordedGeneration < record.generation ||
  (record.desired === 'stopped' && !record.isForgotten)

const isConfirmed = (record: MarketRecord): boolean => record.confirmedGeneration >= record.generation

/** Search attribute `MarketState`: the desire once it is confirmed, until then what was last seen. */
export const stateOf = (record: MarketRecord): MarketState => {
  if (record.desired !== 'active' && isConfirmed(record)) return record.desired
  const seen = record.observed?.state ?? 'starting'
  return seen === 'paused' || seen === 'stopped' ? 'starting' : seen
}

export const statusOf = (record: MarketRecord, nowMs: number): MarketStatus => {
  const state = stateOf(record)
  return {
    marketId: record.marketId,
    slug: record.card?.slug ?? '',
    question: record.card?.question ?? '',
    state,
    desired: record.desired,
    depth: record.depth,
    depthApplied: isDepthApplied(record),
    origin: record.origin,
    feedGroup: record.group,
    generation: record.generation,
    confirmed: isConfirmed(record) || (record.desired === 'active' && state === 'live'),
    confirmedAt: record.confirmedTimeMs === undefined ? undefined : new Date(record.confirmedTimeMs).toISOString(),
    observed: record.observed?.state,
    observedAgeMs: record.observed === undefined ? undefined : nowMs - record.observed.atTimeMs,
    sequence: record.observed?.sequence,
    feedEpoch: record.observed?.feedEpoch,
    note: record.note,
  }
}

const isDepthApplied = ({ depth, observed }: MarketRecord): boolean => depth !== undefined && observed?.depth === depth

const depthText = (record: MarketRecord): string => {
  if (record.depth === undefined) return 'as by default'
  const levels = record.depth === 0 ? 'all levels' : `${record.depth} levels a side`
  return isDepthApplied(record) ? levels : `${levels}, not applied yet`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

/** Markdown for the Temporal UI. */
export const detailsOf = (record: MarketRecord): string =>
  [
    `**${cell(record.card?.question ?? record.marketId)}**`,
    '',
    '| | |',
    '|---|---|',
    `| state | ${stateOf(record)} |`,
    `| desired | ${record.desired}${isConfirmed(record) ? ', confirmed' : ''} |`,
    `| observed | ${record.observed?.state ?? 'nothing yet'} |`,
    `| feed group | ${record.group ?? 'none yet'} |`,
    `| depth | ${depthText(record)} |`,
    `| slug | ${cell(record.card?.slug ?? '')} |`,
    `| note | ${cell(record.note)} |`,
  ].join('\n')
