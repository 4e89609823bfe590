import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow'
import { market as activities } from './activity-options.ts'
import { parseInput, reasonsOf, refuse } from './input.ts'
import * as attributes from './attributes.ts'
import * as contract from './market-contract.ts'
import * as record from './market-record.ts'

/** Well under the 2,000 events that keep a replay cheap; the server itself suggests it only at 4,096. */
const ROLL_OVER_EVENTS = 1_500
/** As long as the venue may take to confirm. */
const CONFIRM_TIMEOUT = '10s'

/**
 * One market, for as long as it is watched. No timer runs while it is idle: 2,000 of them cost next to nothing.
 *
 * desired:  active ⇄ paused → stopped (ends the workflow; so does a cancellation, without an override)
 * state:    starting → live ⇄ unverified / stale → resolved, as observed; paused and stopped once confirmed
 */
export async function marketSubscription(input: contract.MarketInput): Promise<contract.MarketStatus> {
  const given = parseInput(contract.marketInput, input)
  const expectedId = `market:${given.marketId}`
  if (workflowInfo().workflowId !== expectedId) {
    const message = `workflow id must be ${expectedId}, got ${workflowInfo().workflowId}`
    throw ApplicationFailure.nonRetryable(message, 'BadInput')
  }
  const market = record.newRecord(given, Date.now())
  handleRequests(market)

  try {
    show(market)
    market.card ??= await activities.loadMarket({ marketId: given.marketId }).catch(refuse)
    show(market)
    while (!market.isForgotten) {
      await condition(() => record.isDue(market) || isRollOverDue())
      if (isRollOverDue()) return await rollOver(market)
      await settleUnlessSuperseded(market)
    }
  } catch (error) {
    if (!isCancellation(error)) throw error
    await CancellationScope.nonCancellable(() => leave(market))
    throw error
  }
  await condition(allHandlersFinished)
  return record.statusOf(market, Date.now())
}

function handleRequests(market: record.MarketRecord): void {
  const now = (): number => Date.now()
  setHandler(contract.status, () => record.statusOf(market, now()), {
    description: 'Desired and observed state, feed group, and the last report with its age',
  })
  setHandler(contract.pause, () => request(market, 'paused'), {
    description: "Stops the market's frames without touching the other markets of its socket",
  })
  setHandler(contract.resume, () => request(market, 'active'), {
    description: 'Subscribes again, with a fresh REST snapshot',
  })
  setHandler(contract.stop, () => request(market, 'stopped'), {
    description: 'Unsubscribes, remembers it for discovery and ends this workflow',
  })
  setHandler(contract.reassert, () => void (market.isReassertWanted = true), {
    description: 'Writes the desired state for the feed again (sent by the control worker)',
  })
  setHandler(contract.setDepth, (levels) => setDepth(market, levels), {
    description: 'Levels a side to keep: an integer, 0 = all',
  })
  setHandler(contract.observed, (seen) => observe(market, seen), {
    description: 'What the normalizer sees of the market (sent on a change of state)',
  })
  setHandler(contract.inspect, () => inspect(market), {
    description: 'Live figures: quote, sequence, confirmed subscription',
  })
  setHandler(contract.setState, ({ state }) => changeState(market, state), {
    description: 'Input {"state":"active"|"paused"|"stopped"}; answers once the venue has confirmed it',
    validator: (asked) => {
      const result = contract.setStateInput.safeParse(asked)
      if (!result.success) throw new Error(`expected {"state":"active"|"paused"|"stopped"}: ${reasonsOf(result.error)}`)
      if (market.desired === 'stopped' && result.data.state !== 'stopped') {
        throw new Error('the market is being stopped; start it again afterwards')
      }
    },
  })
}

function request(market: record.MarketRecord, state: 'active' | 'paused' | 'stopped'): void {
  record.desire(market, state, Date.now())
  show(market)
}

function setDepth(market: record.MarketRecord, levels: unknown): void {
  const result = contract.depthInput.safeParse(levels)
  if (!result.success) {
    market.note = `setDepth was refused: expected an integer of at least 0, got ${JSON.stringify(levels)?.slice(0, 80)}`
  } else if (market.desired === 'stopped') market.note = 'setDepth was refused: the market is being stopped'
  else if (patched('setDepth is applied')) record.desireDepth(market, result.data, Date.now())
  else market.depth = result.data
  show(market)
}

function observe(market: record.MarketRecord, seen: unknown): void {
  const result = contract.observation.safeParse(seen)
  if (!result.success || result.data.marketId !== market.marketId) return
  market.observed = result.data
  show(market)
}

async function inspect(market: record.MarketRecord) {
  const figures = await activities.inspectMarket({ marketId: market.marketId, group: market.group })
  return { ...record.statusOf(market, Date.now()), figures }
}

async function changeState(market: record.MarketRecord, state: 'active' | 'paused' | 'stopped') {
  request(market, state)
  const generation = market.generation
  market.awaitedGeneration = generation
  const isAnswered = await condition(
    () => market.confirmedGeneration >= generation || market.desired !== state,
    CONFIRM_TIMEOUT,
  )
  if (market.desired !== state) {
    const message = `${state} was superseded by ${market.desired} before the venue confirmed it`
    throw ApplicationFailure.nonRetryable(message, 'Superseded')
  }
  if (!isAnswered) {
    const message = `${state} is desired but the venue has not confirmed it within ${CONFIRM_TIMEOUT}; it is tried further`
    throw ApplicationFailure.nonRetryable(message, 'Unconfirmed')
  }
  return record.statusOf(market, Date.now())
}

/** Runs until nothing is due, a newer desire comes, or the history is long. What is under way is idempotent. */
async function settleUnlessSuperseded(market: record.MarketRecord): Promise<void> {
  const generation = market.generation
  const scope = new CancellationScope()
  const settled = scope.run(() => settle(market))
  const superseded = scope.run(() => condition(() => market.generation > generation || isRollOverDue()))
  try {
    await Promise.race([settled, superseded])
  } finally {
    scope.cancel()
    await settled.catch((error: unknown) => {
      if (!isCancellation(error)) throw error
    })
  }
}

async function settle(market: record.MarketRecord): Promise<void> {
  const { marketId, generation, desired: state, depth, card } = market
  if (card === undefined) throw new Error(`market ${marketId} has no tokens before the catalogue is asked`)
  if (market.isReassertWanted || market.appliedGeneration < generation) {
    market.isReassertWanted = false
    const { conditionId, tokens } = card
    const applied = await activities.applySubscription({ marketId, conditionId, tokens, state, depth, generation })
    market.appliedGeneration = generation
    market.group = applied.group
    market.depth ??= applied.depth
    market.observed ??= applied.observed
    show(market)
  }
  const group = market.group ?? 0
  if (record.isConfirmWanted(market)) {
    const confirmed = await activities.confirmSubscription({ marketId, group, generation, state })
    market.confirmedGeneration = generation
    market.confirmedTimeMs = confirmed.confirmedTimeMs
    show(market)
  }
  if (market.recordedGeneration < generation) {
    await activities.recordOverride({ marketId, state })
    market.recordedGeneration = generation
  }
  if (state === 'stopped') {
    await activities.forgetSubscription({ marketId, group, generation })
    market.isForgotten = true
  }
}

/** A cancellation is no operator's decision about the market: nothing is recorded, so that discovery may come back. */
async function leave(market: record.MarketRecord): Promise<void> {
  if (market.appliedGeneration === 0 || market.isForgotten) return
  request(market, 'stopped')
  market.recordedGeneration = market.generation
  await settle(market)
}

/** Only with no update in flight, so that none is lost between two runs. */
function isRollOverDue(): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo()
  return (continueAsNewSuggested || historyLength > ROLL_OVER_EVENTS) && allHandlersFinished()
}

async function rollOver(market: record.MarketRecord): Promise<never> {
  return continueAsNew<typeof marketSubscription>({
    marketId: market.marketId,
    depth: market.depth,
    origin: market.origin,
    market: market.card,
    carried: record.carriedOf(market),
  })
}

/** Search attributes cost an event each: only on a change. The details for the UI cost none. */
function show(market: record.MarketRecord): void {
  const shown = workflowInfo().typedSearchAttributes
  const wanted = [
    { key: attributes.MARKET_STATE, value: record.stateOf(market) },
    { key: attributes.MARKET_SLUG, value: market.card?.slug },
    { key: attributes.FEED_GROUP, value: market.group === undefined ? undefined : String(market.group) },
  ]
  const changes = wanted.flatMap(({ key, value }) =>
    value === undefined || value === '' || shown.get(key) === value ? [] : [{ key, value }],
  )
  if (changes.length > 0) upsertSearchAttributes(changes)
  setCurrentDetails(record.detailsOf(market))
}
