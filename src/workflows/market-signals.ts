import { defineSignal, patched, setDefaultSignalHandler, setHandler } from '@temporalio/workflow'
import type { DesiredState } from '../domain/market.ts'
import { reasonsOf } from './input.ts'
import * as contract from './market-contract.ts'
import * as record from './market-record.ts'
import { show } from './market-show.ts'

type Heard = { name: string; act: (input: unknown) => void; description: string }

export function request(market: record.MarketRecord, state: DesiredState): void {
  record.desire(market, state, Date.now())
  show(market)
}

function setDepth(market: record.MarketRecord, levels: unknown): void {
  const result = contract.checkDepth(levels)
  if (!result.success) {
    market.note = `setDepth was refused: expected an integer of at least 0, got ${JSON.stringify(levels)?.slice(0, 80)}`
  } else if (market.desired === 'stopped') market.note = 'setDepth was refused: the market is being stopped'
  else if (patched('setDepth is applied')) record.desireDepth(market, result.data, Date.now())
  else market.depth = result.data
  show(market)
}

function observe(market: record.MarketRecord, seen: unknown): void {
  const result = contract.checkObservation(seen)
  if (!result.success || result.data.marketId !== market.marketId) return
  record.see(market, result.data, Date.now())
  show(market)
}

function heedAlert(market: record.MarketRecord, told: unknown): void {
  const result = contract.checkFeedAlert(told)
  if (result.success) record.noteAlert(market, result.data)
  else market.note = `feedAlert was refused: ${reasonsOf(result.error)}`
  show(market)
}

const signalsOf = (market: record.MarketRecord): Heard[] => [
  {
    name: contract.pause.name,
    act: () => request(market, 'paused'),
    description: "Stops the market's frames without touching the other markets of its socket",
  },
  {
    name: contract.resume.name,
    act: () => request(market, 'active'),
    description: 'Subscribes again, with a fresh REST snapshot',
  },
  {
    name: contract.stop.name,
    act: () => request(market, 'stopped'),
    description: 'Unsubscribes, remembers it for discovery and ends this workflow',
  },
  {
    name: contract.reassert.name,
    act: () => void (market.isReassertWanted = true),
    description: 'Writes the desired state for the feed again (sent by the control worker)',
  },
  {
    name: contract.setDepth.name,
    act: (levels) => setDepth(market, levels),
    description: 'Levels a side to keep: an integer, 0 = all',
  },
  {
    name: contract.observed.name,
    act: (seen) => observe(market, seen),
    description: 'What the normalizer sees of the market (sent on a change of state)',
  },
  {
    name: contract.feedAlert.name,
    act: (told) => heedAlert(market, told),
    description: 'An alert of its feed was raised or has recovered (sent by checkHeartbeats); raised means stale',
  },
]

/**
 * The last one told counts, so their order matters. Those that came before the first task of a run are handed out as
 * handlers are set, name by name; a default handler, set first, gets them as they came.
 */
export function handleSignals(market: record.MarketRecord): void {
  const signals = signalsOf(market)
  const names = signals.map(({ name }) => name).join(', ')
  setDefaultSignalHandler((told, input) => {
    const heard = signals.find(({ name }) => name === told)
    if (heard === undefined) market.note = `the signal ${told.slice(0, 80)} was refused: there are ${names}`
    else heard.act(input)
    show(market)
  })
  for (const { name, act, description } of signals) setHandler(defineSignal<[unknown]>(name), act, { description })
}
