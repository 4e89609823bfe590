import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import { market as activities } from './activity-options.ts'
import { reasonsOf, refusalOf, refuse } from './input.ts'
import * as contract from './market-contract.ts'
import * as record from './market-record.ts'
import { show } from './market-show.ts'
import { handleSignals, request } from './market-signals.ts'
import { statusOf } from './market-status.ts'

/** Well under the 2,000 events that keep a replay cheap; the server itself suggests it only at 4,096. */
const ROLL_OVER_EVENTS = 1_500
/** As long as the venue may take to confirm. */
const CONFIRM_TIMEOUT = '10s'

/**
 * One market, for as long as it is watched. No timer runs while it is idle: 2,000 of them cost next to nothing.
 *
 * desired:  active ⇄ paused → stopped (ends the workflow; so does a cancellation, without an override)
 * state:    starting → live ⇄ unverified, as observed; stale while a feed alert stands; paused and stopped once confirmed;
 *           resolved ends the workflow too: unsubscribed, its stream drained, without an override
 */
export async function marketSubscription(input: contract.MarketInput): Promise<contract.MarketStatus> {
  const given = contract.parseMarketInput(input)
  const expectedId = `market:${given.marketId}`
  if (workflowInfo().workflowId !== expectedId) {
    const message = `workflow id must be ${expectedId}, got ${workflowInfo().workflowId}`
    throw ApplicationFailure.nonRetryable(message, 'BadInput')
  }
  const market = record.newRecord(given, Date.now())
  handleRequests(market)

  try {
    show(market)
    // With its card given there is nothing to ask for, and of thousands that start each promise costs.
    if (market.card === undefined && !(await loadUnlessStopped(market))) await abandon(market)
    while (!market.isForgotten) {
      await condition(() => record.isDue(market) || isRollOverDue())
      if (isRollOverDue()) return await rollOver(market)
      const { generation } = market
      await settleUnless(market, () => market.generation > generation || isRollOverDue())
    }
    if (market.isResolved) await drain(market)
  } catch (error) {
    if (!isCancellation(error)) throw error
    await CancellationScope.nonCancellable(() => leave(market))
    throw error
  }
  await condition(allHandlersFinished)
  return statusOf(market, Date.now())
}

/** Answers whether the catalogue was asked: it may be away for long, and an operator may think better of it. */
async function loadUnlessStopped(market: record.MarketRecord): Promise<boolean> {
  const scope = new CancellationScope()
  const loaded = scope.run(() => load(market).then(() => true))
  const stopped = scope.run(() => condition(() => isStoppedEarly(market)).then(() => false))
  try {
    return await Promise.race([loaded, stopped])
  } finally {
    scope.cancel()
  }
}

const isStoppedEarly = ({ card, desired, isResolved, appliedGeneration }: record.MarketRecord): boolean =>
  card === undefined && desired === 'stopped' && !isResolved && appliedGeneration === 0

/** Nothing was subscribed, so there is nothing to confirm. */
async function abandon(market: record.MarketRecord): Promise<void> {
  market.confirmedGeneration = market.generation
  show(market)
  await remember(market, market)
  market.isForgotten = true
}

/** One that has resolved before it was ever recorded ends at once, with its payouts. */
async function load(market: record.MarketRecord): Promise<void> {
  const { end, ...card } = await activities.loadMarket({ marketId: market.marketId }).catch(refuse)
  market.card = card
  if (end !== undefined) {
    record.resolve(market, Date.now())
    market.end = end
    market.isForgotten = market.isResolved && market.appliedGeneration === 0
  }
  show(market)
}

/** Ends when all that came of the market is in Postgres. */
async function drain(market: record.MarketRecord): Promise<void> {
  if (market.appliedGeneration > 0) market.end = await activities.awaitDrained({ marketId: market.marketId })
  market.note = 'resolved: nothing more is recorded'
  show(market)
}

function handleRequests(market: record.MarketRecord): void {
  handleSignals(market)
  const now = (): number => Date.now()
  setHandler(contract.status, () => statusOf(market, now()), {
    description:
      'Desired and last reported state with its age, book, feed group, alerts. Reports come on changes alone',
  })
  setHandler(contract.inspect, () => inspect(market), {
    description:
      'Live figures: last frame, sequences, proof, gaps today, latency, subscription, what waits in the stream',
  })
  setHandler(contract.setState, ({ state }) => changeState(market, state), {
    description:
      'Input {"state":"active"|"paused"|"stopped"}; answers once the venue has confirmed it, or the feed holds it back',
    validator: (asked) => {
      const result = contract.checkSetState(asked)
      if (!result.success) throw new Error(`expected {"state":"active"|"paused"|"stopped"}: ${reasonsOf(result.error)}`)
      const isRefused = market.isResolved || (market.desired === 'stopped' && result.data.state !== 'stopped')
      if (isRefused) throw new Error(record.whyFinal(market))
    },
  })
}

async function inspect(market: record.MarketRecord) {
  const figures = await activities.inspectMarket({ marketId: market.marketId, group: market.group })
  return { ...statusOf(market, Date.now()), figures }
}

async function changeState(market: record.MarketRecord, state: 'active' | 'paused' | 'stopped') {
  request(market, state)
  const generation = market.generation
  market.awaitedGeneration = generation
  // What was answered before may be over.
  market.heldGeneration = 0
  const isAnswered = await condition(
    () => market.confirmedGeneration >= generation || record.isHeld(market) || market.desired !== state,
    CONFIRM_TIMEOUT,
  )
  if (market.desired !== state) {
    const by = market.isResolved ? 'the resolution of the market' : market.desired
    const message = `${state} was superseded by ${by} before the venue confirmed it`
    throw ApplicationFailure.nonRetryable(message, 'Superseded')
  }
  if (!isAnswered) {
    const message = `${state} is desired but the venue has not confirmed it within ${CONFIRM_TIMEOUT}; it is tried further`
    throw ApplicationFailure.nonRetryable(message, 'Unconfirmed')
  }
  return statusOf(market, Date.now())
}

/** Runs until nothing is due, or it is superseded, or the desire is to be written again. What is under way is idempotent. */
async function settleUnless(market: record.MarketRecord, isSuperseded: () => boolean): Promise<void> {
  const scope = new CancellationScope()
  const settled = scope.run(() => settle(market))
  // A confirmation may be waited for that cannot come before the desire is written again.
  const superseded = scope.run(() => condition(() => market.isReassertWanted || isSuperseded()))
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
    market.heldGeneration = 0
    const { conditionId, tokens } = card
    market.askedGeneration = generation
    const applied = await activities.applySubscription({ marketId, conditionId, tokens, state, depth, generation })
    market.appliedGeneration = generation
    market.group = applied.group
    market.depth ??= applied.depth
    if (market.observed === undefined && applied.observed !== undefined)
      record.see(market, applied.observed, Date.now())
    show(market)
  }
  const group = market.group ?? 0
  if (record.isConfirmWanted(market)) {
    const seen = market.observed
    const answer = await activities.confirmSubscription({ marketId, group, generation, state })
    record.noteConfirmation(market, { generation, seen }, answer)
    show(market)
  }
  if (market.recordedGeneration < generation) {
    await remember(market, { desired: state, generation })
  }
  if (state === 'stopped') {
    await activities.forgetSubscription({ marketId, group, generation })
    market.isForgotten = true
  }
}

type Desire = Pick<record.MarketRecord, 'desired' | 'generation'>

async function remember(market: record.MarketRecord, { desired: state, generation }: Desire): Promise<void> {
  const { marketId, card } = market
  try {
    await activities.recordOverride({ marketId, state, isPublished: card !== undefined })
  } catch (error) {
    if (refusalOf(error)?.type !== 'NoSuchRow') throw error
    market.note = `${state} by hand, but not remembered: it is not in table markets, discovery may start it again`
  }
  market.recordedGeneration = generation
}

/** Also where the cancellation came before the answer: the desire may stand, and nobody else would take it back. */
const wasAsked = ({ appliedGeneration, askedGeneration }: record.MarketRecord): boolean =>
  appliedGeneration > 0 || (askedGeneration > 0 && patched('a cancelled market takes back what was not answered'))

/** A cancellation is no operator's decision about the market: nothing is recorded, so that discovery may come back. */
async function leave(market: record.MarketRecord): Promise<void> {
  if (market.isForgotten || !wasAsked(market)) return
  request(market, 'stopped')
  market.recordedGeneration = market.generation
  market.note = 'cancelled: discovery may start it again'
  if (!patched('a cancelled market heeds reassert')) return await settle(market)
  while (!market.isForgotten) await settleUnless(market, () => false)
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
