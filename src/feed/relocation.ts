import type { Marker } from '../domain/frame.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { MoveMarkers } from './live.ts'
import type { Member } from './market.ts'
import type { Pool } from './pool.ts'
import type { Slot } from './slot.ts'
import type { Stalled } from './suspects.ts'

export type RelocationDeps = { members: ReadonlyMap<string, Member>; pool: Pool; log: Logger; stats: Stats }

type Stall = { member: Member; stalled: Stalled[] }

/** From so many markets on the fault may be the connection's. */
const STORM_MARKETS = 3
const RECENT_MS = 60_000
/** Markets moved by one feed: their snapshots and gaps are work for everyone behind. */
const MOVES = 20
const MOVES_PERIOD_MS = 10_000
/** After a move that brought nothing: this long until the next, doubling up to the last. */
const USELESS_WAIT_MS = 15_000
const LONGEST_WAIT_MS = 600_000

const instant = (timeMs: number): string => new Date(timeMs).toISOString()

const markersOf = ({ stalled }: Stall): Marker[] =>
  stalled.map(({ token, restTimeMs, seenTimeMs }): Marker => {
    const came = seenTimeMs < restTimeMs ? `nothing newer than ${instant(seenTimeMs)} came` : 'another one came'
    const detail = `REST has a book of ${instant(restTimeMs)}, ${came}`
    return { type: 'gap', reason: 'token_stalled', tokens: [token], detail }
  })

/** The market's other tokens are followed until the new connection has brought their books. */
const moveMarkersOf = (stall: Stall): MoveMarkers => {
  const tokens = stall.member.tokens.filter((token) => !stall.stalled.some((one) => one.token === token))
  const detail = 'moved to another connection with a token of its market that had stalled'
  const others: Marker = { type: 'gap', reason: 'token_stalled', tokens, detail }
  return { atOnce: markersOf(stall), atDeparture: tokens.length === 0 ? [] : [others] }
}

/** How many of the last moves in a row brought nothing of what they were made for. */
const uselessCount = ({ member: { moved }, stalled }: Stall): number => {
  const seenTimeMs = Math.min(...stalled.map((one) => one.seenTimeMs))
  return moved === undefined || seenTimeMs >= moved.wantedTimeMs ? 0 : moved.uselessCount + 1
}

const mayMove = (stall: Stall, nowMs: number): boolean => {
  const { moved } = stall.member
  const count = uselessCount(stall)
  if (moved === undefined || count === 0) return true
  return nowMs - moved.timeMs >= Math.min(LONGEST_WAIT_MS, USELESS_WAIT_MS * 2 ** (count - 1))
}

const noteMove = (stall: Stall): void => {
  const wantedTimeMs = Math.max(...stall.stalled.map(({ restTimeMs }) => restTimeMs))
  stall.member.moved = { timeMs: Date.now(), wantedTimeMs, uselessCount: uselessCount(stall) }
}

const provedOf = ({ member, stalled }: Stall): Stall[] => {
  const proved = stalled.filter(({ isProved }) => isProved)
  return proved.length === 0 ? [] : [{ member, stalled: proved }]
}

const groupBySlot = (stalled: Stalled[], { members, pool }: RelocationDeps): Map<Slot, Stall[]> => {
  const slots = new Map<Slot, Map<string, Stall>>()
  for (const one of stalled) {
    const slot = pool.slotOf(one.marketId)
    const member = members.get(one.marketId)
    if (slot === undefined || member?.phase !== 'in') continue
    const stalls = slots.get(slot) ?? new Map<string, Stall>()
    const stall = stalls.get(one.marketId) ?? { member, stalled: [] }
    stall.stalled.push(one)
    slots.set(slot, stalls.set(one.marketId, stall))
  }
  return new Map([...slots].map(([slot, stalls]) => [slot, [...stalls.values()]]))
}

/**
 * Moves markets with a stalled token to newer connections. Where most of what should come on a connection does not, the
 * connection is replaced instead.
 */
export class Relocation {
  readonly #deps: RelocationDeps
  #moves: { epoch: string; timeMs: number }[] = []

  constructor(deps: RelocationDeps) {
    this.#deps = deps
  }

  /** Takes all tokens that are behind now; those that may not be moved yet are taken up again by the next call. */
  take(stalled: Stalled[]): void {
    const nowMs = Date.now()
    this.#moves = this.#moves.filter(({ timeMs }) => nowMs - timeMs < RECENT_MS)
    for (const [slot, stalls] of groupBySlot(stalled, this.#deps)) {
      const ready = stalls.filter((stall) => mayMove(stall, nowMs))
      const proved = ready.flatMap(provedOf)
      if (proved.length === 0) continue
      if (this.#isStorm(slot, ready)) this.#replace(slot, ready, 'most of its tokens')
      else for (const stall of proved.slice(0, this.#room(nowMs))) this.#move(slot, stall)
    }
  }

  /**
   * Told from outside, where nothing that was done here has helped: moves those of a connection's markets that are owed
   * something, without a wait, but not more than may be moved at a time.
   */
  moveOwed(slot: Slot, marketIds: Iterable<string>): void {
    const detail = 'moved to another connection: heartbeats were missed'
    const members = [...marketIds].flatMap((marketId) => slot.members.get(marketId) ?? [])
    for (const member of members.slice(0, this.#room(Date.now()))) {
      const gap: Marker = { type: 'gap', reason: 'token_stalled', tokens: member.tokens, detail }
      const { epoch = '' } = slot
      if (!this.#deps.pool.move(member, { atOnce: [gap], atDeparture: [] })) return
      this.#moves.push({ epoch, timeMs: Date.now() })
      this.#deps.stats.count('tokensRehomed', member.tokens.length)
    }
  }

  #room(nowMs: number): number {
    const recent = this.#moves.filter(({ timeMs }) => nowMs - timeMs < MOVES_PERIOD_MS)
    return Math.max(0, MOVES - recent.length)
  }

  /** Whether three markets or more have stalled here within a minute, and more tokens than were heard meanwhile. */
  #isStorm(slot: Slot, stalls: Stall[]): boolean {
    const gone = this.#moves.filter(({ epoch }) => epoch === slot.epoch)
    if (stalls.length + gone.length < STORM_MARKETS) return false
    const stalled = stalls.flatMap((stall) => stall.stalled)
    const heardCount = slot.heardSince(Math.min(...stalled.map(({ sinceMs }) => sinceMs)))
    return stalled.length + gone.length > heardCount
  }

  #replace(slot: Slot, stalls: Stall[], why: string): void {
    const { log, stats } = this.#deps
    const { epoch } = slot
    const tokens = stalls.reduce((sum, { stalled }) => sum + stalled.length, 0)
    log.warn({ epoch, markets: stalls.length, tokens, why }, 'a connection with stalled tokens was replaced')
    stats.count('connectionsReplaced')
    for (const stall of stalls) noteMove(stall)
    const markers = stalls.flatMap((stall) => markersOf(stall).map((marker) => ({ member: stall.member, marker })))
    slot.replace(markers, `${tokens} tokens stalled: ${why}`)
  }

  #move(slot: Slot, stall: Stall): void {
    const { pool, log, stats } = this.#deps
    const { member, stalled } = stall
    const { marketId } = member.desired
    const epoch = slot.epoch ?? ''
    const isMoved = pool.move(member, moveMarkersOf(stall))
    if (!isMoved) return this.#replace(slot, [stall], 'there is no room for one more connection')
    noteMove(stall)
    this.#moves.push({ epoch, timeMs: Date.now() })
    stats.count('tokensRehomed', member.tokens.length)
    log.warn({ marketId, epoch, stalled, to: pool.slotOf(marketId)?.epoch }, 'a market with a stalled token was moved')
  }
}
