import type { Frame, GapReason, Marker } from '../domain/frame.ts'
import { marketOfStream, orderbookStream } from '../domain/keys.ts'
import { createBackoff } from '../lib/backoff.ts'
import { firstString } from '../lib/json-elements.ts'
import { openConnection } from './connection.ts'
import { compareSubscriptions } from './comparison.ts'
import type { EpochLog } from './epochs.ts'
import { takeFrame } from './intake.ts'
import { isTold, tellLeft } from './leaving.ts'
import { createLive, markersOfEnd, pushMarker, type Live, type MoveMarkers, type Place, type SlotDeps } from './live.ts'
import { hasOtherTokens, isConfirmed, isFollowed, isSettled, takesRoom, type Member } from './market.ts'
import { join, leave, release, tellDepths } from './membership.ts'
import { waitToReopen } from './reopening.ts'
import type { RestBook } from './rest-queue.ts'
import { noteSighting, type Sighting } from './sighting.ts'
import { fetchOverdue } from './snapshots.ts'
import type { Hold } from './hold.ts'
import { createSocketLog, type SocketLog } from './socket-log.ts'
import { Vitals } from './vitals.ts'

const STABLE_AFTER_MS = 30_000

/**
 * One socket's place: its markets stay while sockets come and go, each socket under an epoch of its own.
 * States: idle (no market was ever active) → connecting → open → ended (why is being asked) → waiting (backoff) → connecting …
 */
export class Slot {
  readonly members = new Map<string, Member>()
  readonly vitals = new Vitals()
  readonly #deps: SlotDeps
  readonly #backoff = createBackoff({ initialMs: 250, maxMs: 30_000, random: Math.random })
  #place: Place | undefined
  /** Stream -> what lets its market go where it comes from. */
  readonly #arriving = new Map<string, () => void>()
  #isWaiting = false
  #isReconcilingSoon = false

  constructor(deps: SlotDeps) {
    this.#deps = deps
  }

  get isOpen(): boolean {
    return this.#place?.live.openedTimeMs !== undefined
  }

  /** Epoch of the socket that is connecting or open; undefined where the next one is yet to come. */
  get epoch(): string | undefined {
    return this.#place?.live.log.epoch
  }

  /** Whether a market that moves away is still heard here. */
  get isBeingLeft(): boolean {
    return (this.#place?.live.departures.size ?? 0) > 0
  }

  log(): EpochLog | undefined {
    return this.#place?.live.log
  }

  tokenCount(): number {
    const held = [...this.members.values()].filter(takesRoom)
    return held.reduce((sum, { desired }) => sum + desired.tokens.length, 0)
  }

  /** What has come of a token that is subscribed here and has had a book; undefined of any other. */
  sighting(token: string): Sighting | undefined {
    const found = this.isOpen ? this.#place?.live.known.get(token) : undefined
    return found === undefined || found.exchangeTimeMs === 0 ? undefined : found
  }

  /** How many of its tokens brought a frame after that. */
  heardSince(timeMs: number): number {
    const known = [...(this.#place?.live.known.values() ?? [])]
    return known.filter(({ receivedTimeMs }) => receivedTimeMs > timeMs).length
  }

  /** The smallest receive time less venue time of tokens that brought a frame after that; infinite where none did. */
  leastDelayMs(timeMs: number): number {
    const known = [...(this.#place?.live.known.values() ?? [])].filter(({ receivedTimeMs }) => receivedTimeMs > timeMs)
    return known.reduce((least, one) => Math.min(least, one.receivedTimeMs - one.exchangeTimeMs), Infinity)
  }

  /** Brings the socket to what is desired, touching only the markets that differ. */
  reconcile(): void {
    const members = [...this.members.values()]
    const joins = members.filter(({ desired, phase }) => desired.state === 'active' && phase === 'out')
    const leaves = members.filter(
      (member) => member.phase === 'in' && (member.desired.state !== 'active' || hasOtherTokens(member)),
    )
    const place = this.#place
    if (place?.live.openedTimeMs !== undefined) {
      if (joins.length > 0) join(place, joins)
      if (leaves.length > 0) leave(place, leaves)
      tellDepths(place)
    } else if (place === undefined && joins.length > 0 && !this.#isWaiting) this.#open()
    const settled = members.filter((member) => isSettled(member) && !isConfirmed(member))
    const told = settled.filter(isTold)
    if (told.length > 0) this.#deps.confirm(told)
    if (told.length < settled.length) this.#tell(settled.filter((member) => !isTold(member)))
  }

  /** After this turn: markets that reach their phase together are confirmed together. */
  #reconcileSoon(): void {
    if (this.#isReconcilingSoon) return
    this.#isReconcilingSoon = true
    setImmediate(() => {
      this.#isReconcilingSoon = false
      this.reconcile()
    })
  }

  /** Appends a REST book to its stream, unless its market left, or came later than it was asked for: that would hide changes. */
  deliver(marketId: string, { token, text, receivedTimeMs }: RestBook, askedTimeMs: number): void {
    const live = this.#place?.live
    const member = this.members.get(marketId)
    if (live === undefined || member === undefined || !isFollowed(member)) return
    if (askedTimeMs < member.heardSinceMs) return this.#deps.stats.count('restBooksEarly')
    this.#deps.stats.count('restBooks')
    const isAwaited = live.awaiting.delete(token)
    const stream = orderbookStream(marketId)
    const frame: Frame = { kind: 'rest', receivedTimeMs, sourceReceivedTimeMs: undefined, text }
    if (!live.shed.has(stream)) live.log.push(stream, frame)
    // Beside a book that is followed, what REST brings does not say that the socket brings it too.
    if (!isAwaited) return
    const exchangeTimeMs = Number(firstString(text, '"timestamp"'))
    noteSighting(live.known, token, { exchangeTimeMs, receivedTimeMs })
  }

  /** Says in the stream that a whole book was asked for: what was received before stands before it. */
  noteAsked(marketId: string): void {
    const live = this.#place?.live
    const member = this.members.get(marketId)
    if (live === undefined || member === undefined || !isFollowed(member)) return
    pushMarker(live.log, member, { type: 'asked', tokens: member.tokens })
  }

  /** Snapshot deadlines; call it once a second. */
  tick(): void {
    if (this.#place !== undefined && this.isOpen) void fetchOverdue(this.#place)
  }

  /** Compares desired, sent and evidenced subscriptions, repairs what differs, and returns how many tokens did. */
  compare(nowMs: number): number {
    return this.#place === undefined || !this.isOpen ? 0 : compareSubscriptions(this.#place, nowMs)
  }

  /** What has come of markets that arrive, and is held back. */
  holds(): [marketId: string, Hold][] {
    return (this.#place?.live.log.holds() ?? []).map(([stream, hold]) => [marketOfStream(stream) ?? '', hold])
  }

  /** Ends a hold: the market goes on there, with these frames first, or leaves (undefined). */
  letGo({ desired }: Member, into: EpochLog | undefined, frames: Frame[]): void {
    this.#place?.live.log.release(orderbookStream(desired.marketId), into, frames)
  }

  /** Begins a market's move to a socket with a newer epoch; the function that is returned ends it here. */
  release(member: Member, markers: MoveMarkers): () => void {
    this.members.delete(member.desired.marketId)
    return this.#place === undefined ? () => undefined : release(this.#place, member, markers)
  }

  /** Takes a market over: `depart` is called before the first frame goes into its stream from here. */
  takeOver(member: Member, depart: () => void): void {
    this.members.set(member.desired.marketId, member)
    this.#arriving.set(orderbookStream(member.desired.marketId), depart)
    this.reconcile()
  }

  /** Gives up the socket for a new one. */
  replace(markers: { member: Member; marker: Marker }[], detail: string): void {
    if (this.#place === undefined) return
    const { live } = this.#place
    for (const { member, marker } of markers) pushMarker(live.log, member, marker)
    live.connection.close(detail)
  }

  close(reason: GapReason, detail: string): void {
    const live = this.#place?.live
    if (live === undefined) return
    this.#end(live, reason, detail)
    live.connection.close(detail)
  }

  #openEpoch(): SocketLog {
    return createSocketLog(this.#deps.openEpoch(), (stream) => this.#arrive(stream))
  }

  #arrive(stream: string): void {
    const depart = this.#arriving.get(stream)
    if (this.#arriving.delete(stream)) depart?.()
  }

  #open(): void {
    const log = this.#openEpoch()
    const { url, channel, isReplay } = this.#deps
    const events = {
      opened: (): void => {
        live.openedTimeMs = Date.now()
        this.vitals.opened()
        this.#deps.log.info({ epoch: log.epoch, markets: this.members.size }, 'socket was opened')
        this.reconcile()
      },
      frame: (text: string, receivedTimeMs: number, sourceReceivedTimeMs: number | undefined): void => {
        this.vitals.tickTimeMs = receivedTimeMs
        takeFrame(live, text, { receivedTimeMs, sourceReceivedTimeMs }, this.#deps)
      },
      answered: (roundTripMs: number): void => this.vitals.answered(roundTripMs),
      closed: (reason: string): void => void this.#reopen(live, reason),
    }
    const live = createLive(openConnection({ url, channel, isReplay, events }), log)
    this.#place = { live, deps: this.#deps, members: this.members, reconcile: () => this.#reconcileSoon() }
  }

  #tell(members: Member[]): void {
    tellLeft(members, { live: this.log(), openEpoch: () => this.#openEpoch(), told: () => this.#reconcileSoon() })
  }

  /** Ends the epoch: what was subscribed has a gap from here on, what was leaving has left. */
  #end(live: Live, reason: GapReason, detail: string): void {
    this.#place = undefined
    this.vitals.ended()
    live.isEnded = true
    for (const depart of live.departures) depart()
    for (const member of this.members.values()) {
      for (const marker of markersOfEnd(member, reason, detail)) pushMarker(live.log, member, marker)
      if (member.phase === 'leaving') member.toldState = member.desired.state
      if (member.phase !== 'out') member.toldDepth = undefined
      member.phase = 'out'
    }
    live.log.close()
  }

  /** Asks REST first, at most half a second: a socket that the venue's restart closed says so. */
  async #reopen(live: Live, detail: string): Promise<void> {
    if (live.isEnded) return
    const endedTimeMs = Date.now()
    if (live.openedTimeMs !== undefined && endedTimeMs - live.openedTimeMs > STABLE_AFTER_MS) this.#backoff.reset()
    live.openedTimeMs = undefined
    const [token] = [...this.members.values()].flatMap(({ tokens }) => tokens)
    const isRestart = token !== undefined && (await this.#deps.isVenueRestarting(token))
    if (live.isEnded) return
    this.#end(live, isRestart ? 'venue_restart' : 'disconnect', detail)
    this.#isWaiting = true
    const backoffMs = this.#backoff.nextDelayMs()
    await waitToReopen({ epoch: live.log.epoch, detail, isRestart, endedTimeMs, backoffMs }, this.#deps)
    this.#isWaiting = false
    if (!this.#deps.signal.aborted) this.reconcile()
  }
}
