import type { Frame, Marker } from '../domain/frame.ts'
import { followsBooks, type ShedTier } from '../domain/shed.ts'
import type { DesiredSubscription, Passage, PlacedSubscription } from '../domain/subscription.ts'

/** `out` → joining → `in` → leaving → `out`; a closed socket takes any of them to `out`. */
export type Phase = 'out' | 'joining' | 'in' | 'leaving'

/** What a confirmation says: as desired at the moment at which it was true. */
export type Confirmation = Pick<DesiredSubscription, 'marketId' | 'generation' | 'state'> & {
  /** It goes on in another group: nobody waits for it here. */
  isGone: boolean
}

/** The last move to another connection: of no use where the book that REST had did not come there either. */
type Move = { timeMs: number; wantedTimeMs: number; uselessCount: number }

/** A market of this feed: what is wanted of it, and where it is on its socket. */
export type Member = {
  /** What its workflow wants, and what is in force of it beneath the switch over all markets. */
  asked: PlacedSubscription
  desired: DesiredSubscription
  /** What is shed of it, with the depth of `desired`: nothing while it is not active. */
  tier: ShedTier
  phase: Phase
  /** What was subscribed, which may differ from what is desired now. */
  tokens: string[]
  /** Since when the venue certainly sends it on its socket: a PONG came to a PING that was sent after the subscribe. */
  heardSinceMs: number
  /** The newest epoch in its stream: readers ignore older ones, so it may only join a socket that is not older. */
  epoch: string
  /** What the market's stream says, and what is on its way there; undefined before this process said anything. */
  toldState: DesiredSubscription['state'] | undefined
  tellingState: DesiredSubscription['state'] | undefined
  /** Likewise of how many levels are kept, and of what is shed with it; said anew on each connection. */
  toldDepth: number | undefined
  tellingDepth: number | undefined
  toldTier: ShedTier
  tellingTier: ShedTier
  confirmedGeneration: number
  confirmedState: DesiredSubscription['state'] | undefined
  resyncedTimeMs: number
  moved: Move | undefined
}

export const createMember = (desired: PlacedSubscription, epoch: string): Member => ({
  asked: desired,
  desired,
  tier: 0,
  phase: 'out',
  tokens: desired.tokens,
  heardSinceMs: Infinity,
  epoch,
  toldState: undefined,
  tellingState: undefined,
  toldDepth: undefined,
  tellingDepth: undefined,
  toldTier: 0,
  tellingTier: 0,
  confirmedGeneration: -1,
  confirmedState: undefined,
  resyncedTimeMs: 0,
  moved: undefined,
})

export const markerFrame = (marker: Marker): Frame => ({
  kind: 'marker',
  receivedTimeMs: Date.now(),
  sourceReceivedTimeMs: undefined,
  text: JSON.stringify(marker),
})

/** How much is kept from here on. `newest`: of the frames that were shed before. */
export const depthMarker = ({ desired, tier }: Member, newest: Record<string, number> = {}): Marker => {
  const marker: Marker = { type: 'depth', levels: desired.depth }
  if (tier > 0) marker.tier = tier
  if (Object.keys(newest).length > 0) marker.newest = newest
  return marker
}

/** Whether its stream says how much of it is kept. */
export const isDepthTold = ({ desired, tier, toldDepth, toldTier }: Member): boolean =>
  toldDepth === desired.depth && toldTier === tier

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

const isState = (value: unknown): value is DesiredSubscription['state'] =>
  value === 'active' || value === 'paused' || value === 'stopped'

const toPassage = (value: unknown): Passage | undefined => {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined
  if (value.type === 'arriving' && 'from' in value) return { type: 'arriving', from: Number(value.from) }
  return value.type === 'gone' && 'to' in value ? { type: 'gone', to: Number(value.to) } : undefined
}

/** Reads what a workflow wrote; undefined where it is not a desire. */
export const toDesired = (text: string): PlacedSubscription | undefined => {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof found !== 'object' || found === null) return undefined
  if (!('marketId' in found && 'tokens' in found && 'state' in found && 'generation' in found)) return undefined
  const { marketId, tokens, state, generation } = found
  const depth = 'depth' in found && typeof found.depth === 'number' ? found.depth : 0
  const conditionId = 'conditionId' in found && typeof found.conditionId === 'string' ? found.conditionId : ''
  if (typeof marketId !== 'string' || !isTexts(tokens) || !isState(state) || typeof generation !== 'number') {
    return undefined
  }
  const passage = 'passage' in found ? toPassage(found.passage) : undefined
  const desired = { marketId, conditionId, tokens, state, depth, generation }
  return passage === undefined ? desired : { ...desired, passage }
}

/** Another group has taken it over: it leaves here without a word. */
export const isGone = ({ asked }: Member): boolean => asked.passage?.type === 'gone'

/** It comes from another group, which owns it until it is taken over. */
export const isArriving = ({ asked }: Member): boolean => asked.passage?.type === 'arriving'

/** Whether its tokens count among those of its socket: one that was stopped has left. */
export const takesRoom = ({ desired, phase }: Member): boolean => desired.state !== 'stopped' || phase !== 'out'

/** Whether the market is on its socket as desired. */
export const isSettled = ({ desired, phase }: Member): boolean => phase === (desired.state === 'active' ? 'in' : 'out')

/** Whether a book of the market belongs into its stream now: not once it is leaving or has left. */
export const isFollowed = ({ desired, phase }: Member): boolean =>
  desired.state === 'active' && (phase === 'in' || phase === 'joining')

/** Whether its frames should come and be applied. */
export const isWatched = ({ phase, toldTier }: Member): boolean => phase === 'in' && followsBooks(toldTier)

export const isConfirmed = ({ desired, confirmedGeneration, confirmedState }: Member): boolean =>
  confirmedGeneration === desired.generation && confirmedState === desired.state

export const hasOtherTokens = ({ desired, tokens }: Member): boolean =>
  desired.tokens.length !== tokens.length || desired.tokens.some((token, index) => token !== tokens[index])
