import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger } from '../../../src/emulator/ledger.ts'
import { brokenPromises, recordedTokens } from '../recorded-truth.ts'
import { openRecording, settleOrTell, type Recording } from '../recording.ts'
import { createDice } from './dice.ts'
import { createInjector, WEIGHTS, type FaultKind } from './inject.ts'
import { judgeTokens, type TokenVerdict } from './verdict.ts'

export type FaultRun = {
  markets: number
  /** Frames/s over all markets. */
  rate: number
  faults: number
  perSecond: number
  seed: number
  /** Kinds to leave out. */
  without: readonly FaultKind[]
  say: (line: string) => void
}

export type FaultReport = {
  injected: Record<string, number>
  /** What the venue notes as done; a fault waits for the token's next frame. */
  done: Record<string, number>
  tokens: TokenVerdict[]
  framesSent: number
  broken: string[]
}

/** Few markets a connection, so that a closed one touches a part of them. */
const ENVIRONMENT = { MARKETS_PER_FEED: '10' }
/** So many of four markets are never chosen for a fault of their own: what is found there is false. */
const SPARED = 4

const tally = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

const targetsOf = (ledger: Ledger): string[] => {
  const tokens = recordedTokens(ledger)
  const marketIds = [...new Set(tokens.map(({ marketId }) => marketId))]
  const chosen = new Set(marketIds.filter((_, index) => index % SPARED !== 0))
  return tokens.filter(({ marketId }) => chosen.has(marketId)).map(({ token }) => token)
}

const injectAll = async (recording: Recording, run: FaultRun): Promise<FaultKind[]> => {
  const { venue } = recording
  const dice = createDice(run.seed)
  const connections = async (): Promise<Ledger['connections']> => (await venue.ledger()).connections
  const injector = createInjector(venue, dice, { tokens: targetsOf(await venue.ledger()), connections })
  const weights = WEIGHTS.filter(([, kind]) => !run.without.includes(kind))
  const kinds: FaultKind[] = []
  const restartAt = run.without.includes('restart') ? -1 : Math.floor(run.faults / 2)
  while (kinds.length < run.faults) {
    const kind = kinds.length === restartAt ? 'restart' : dice.weigh(weights)
    if (await injector.inject(kind)) {
      kinds.push(kind)
      if (kinds.length % 50 === 0) run.say(`${kinds.length} of ${run.faults} faults injected`)
    }
    await sleep((500 + dice.below(1_000)) / run.perSecond)
  }
  await injector.relent()
  return kinds
}

/** The whole product under one fault after another, and what came of it. */
export const runFaults = async (run: FaultRun): Promise<FaultReport> => {
  const { markets, rate, seed, say } = run
  const venueArgs = ['--unheard', '--seed', String(seed)]
  await using recording = await openRecording({ markets, rate, env: ENVIRONMENT, venueArgs, isLogged: true })
  const { venue, pool, system } = recording
  say(`${markets} markets are live at ${rate} frames/s, seed ${seed}`)
  const kinds = await injectAll(recording, run)
  await sleep(1_000)
  const ledger = await settleOrTell(recording, say)
  const broken = await brokenPromises(ledger, pool, system.redis())
  const tapes = await venue.tapes()
  const tokens = await judgeTokens({ ledger, tapes, pool, endMs: Date.now() })
  const done = tally(ledger.faults.map(({ type }) => type))
  return { injected: tally(kinds), done, tokens, framesSent: ledger.framesSent, broken }
}
