import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow'
import { checkOf, parseInput } from './input.ts'
import { z } from './zod.ts'
import type { MarketFigures } from '../activities/inspection.ts'
import { MARKET_STATES, type DesiredState, type MarketEnd, type MarketState } from '../domain/market.ts'

const marketId = z.string().regex(/^\d{1,20}$/, 'expected the venue\'s numeric market id as text, such as "516710"')
const state = z.enum(['active', 'paused', 'stopped'])
const marketState = z.enum(MARKET_STATES)

/** What the catalogue says of a market; enough to subscribe and to show. */
const card = z.strictObject({
  marketId,
  conditionId: z.string(),
  slug: z.string(),
  question: z.string(),
  tokens: z.array(z.string()),
})

const observedBook = z.object({
  bidPrice: z.string(),
  askPrice: z.string(),
  gapsOpen: z.number(),
  outcomesProved: z.number(),
})

const observation = z.object({
  marketId,
  state: marketState,
  depth: z.number().default(0),
  sequence: z.number(),
  atTimeMs: z.number(),
  feedEpoch: z.string(),
  book: observedBook.optional(),
})
export const checkObservation = checkOf(observation)

/** Of the signal `feedAlert`. Several may stand at once; while one does the state is `stale`. */
const feedAlertInput = z.object({
  alertId: z.string().min(1).max(200),
  state: z.enum(['raised', 'recovered']),
  reason: z.string().max(500),
  atTimeMs: z.number(),
})
export const checkFeedAlert = checkOf(feedAlertInput)
export type FeedAlert = z.infer<typeof feedAlertInput>

const standingAlert = z.strictObject({ alertId: z.string(), reason: z.string(), sinceTimeMs: z.number() })
export type StandingAlert = z.infer<typeof standingAlert>

/** What a run hands to the next one at continue-as-new. */
const carried = z.strictObject({
  desired: state,
  generation: z.number().int(),
  appliedGeneration: z.number().int(),
  confirmedGeneration: z.number().int(),
  confirmedTimeMs: z.number().optional(),
  heldGeneration: z.number().int().default(0),
  recordedGeneration: z.number().int(),
  group: z.number().int().optional(),
  note: z.string(),
  observed: observation.optional(),
  alerts: z.array(standingAlert).default([]),
  isResolved: z.boolean().default(false),
})

/** Discovery has written the desire already, in one call for all its markets: nothing is left to apply. */
const enrolled = z.strictObject({
  group: z.number().int(),
  generation: z.number().int(),
  observed: observation.optional(),
})

const marketInput = z.strictObject({
  marketId,
  /** Levels a side that are kept; 0 = all. Absent: BOOK_DEPTH of the control worker. */
  depth: z.number().int().min(0).optional(),
  /** `policy`: started, and ended, by discovery. */
  origin: z.enum(['operator', 'policy']).default('operator'),
  /** Given by discovery, which has just read it; else the catalogue is asked. */
  market: card.optional(),
  enrolled: enrolled.optional(),
  carried: carried.optional(),
})
export type MarketInput = z.input<typeof marketInput>
export const parseMarketInput = (input: unknown): z.infer<typeof marketInput> => parseInput(marketInput, input)
export type MarketCard = z.infer<typeof card>
export type Enrolled = z.infer<typeof enrolled>
export type Carried = z.infer<typeof carried>

export const checkSetState = checkOf(z.strictObject({ state }))
export const checkDepth = checkOf(z.number('expected an integer').int().min(0))

/**
 * Answer of the query `status`. A query can do no I/O: `observed` is what the normalizer last reported and `observedAgeMs`
 * how long ago. It reports changes of state alone, so an old report is still true unless an alert stands.
 */
export type MarketStatus = {
  marketId: string
  slug: string
  question: string
  state: MarketState
  desired: DesiredState
  /** Levels a side that are to be kept, 0 = all; undefined until the default was asked for. */
  depth: number | undefined
  /** Whether the normalizer said last that it keeps so many. */
  depthApplied: boolean
  origin: 'operator' | 'policy'
  feedGroup: number | undefined
  generation: number
  /** Whether the venue has confirmed the desired state. */
  confirmed: boolean
  confirmedAt: string | undefined
  observed: MarketState | undefined
  observedAt: string | undefined
  observedAgeMs: number | undefined
  sequence: number | undefined
  feedEpoch: string | undefined
  /** In words: whether the books are proved, and how many gaps are open. */
  book: string
  /** Why it is `stale`. */
  alerts: StandingAlert[]
  /** Of a market that has resolved. */
  end: MarketEnd | undefined
  /** The last request that was refused, or what is being waited for. */
  note: string
}

export const pause = defineSignal('pause')
export const resume = defineSignal('resume')
export const stop = defineSignal('stop')
export const setDepth = defineSignal<[unknown]>('setDepth')
export const observed = defineSignal<[unknown]>('observed')
export const feedAlert = defineSignal<[unknown]>('feedAlert')
export const reassert = defineSignal('reassert')
export const setState = defineUpdate<MarketStatus, [{ state: DesiredState }]>('setState')
export const inspect = defineUpdate<MarketStatus & { figures: MarketFigures }>('inspect')
export const status = defineQuery<MarketStatus>('status')
