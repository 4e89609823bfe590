import type { Frame, GapReason, Marker } from '../domain/frame.ts'
import { orderbookStream, UNROUTABLE_STREAM } from '../domain/keys.ts'
import { createBackoff } from '../lib/backoff.ts'
import { pause } from '../lib/every.ts'
import { firstString, lastString, splitArray } from '../lib/json-elements.ts'
import { isTold, tellLeft } from './leaving.ts'
import { openConnection } from './connection.ts'
import { createLive, markersOfEnd, markersOfLeaving, pushMarker, type Live, type SlotDeps } from './live.ts'
import type { EpochLog } from './epochs.ts'
import { hasOtherTokens, isConfirmed, isFollowed, isSettled, type Member, type Phase } from './market.ts'
import type { RestBook } from './rest-queue.ts'
import { createSilenceWatch } from './silence.ts'

type Times = Pick<Frame, 'receivedTimeMs' | 'sourceReceivedTimeMs'>

const SNAPSHOT_DEADLINE_MS = 5_000
const SNAPSHOT_RETRY_MS = 5_000
const STABLE_AFTER_MS = 30_000
const RESUME_RETRY_MS = 1_000

/**
 * One socket's place: its markets stay while sockets come and go, each socket under an epoch of its own.
 * States: idle (no market was ever active) → connecting → open → closed, waiting (backoff) → connecting …
 */
export class Slot {
  readonly members = new Map<string, Member>()
  readonly #deps: SlotDeps
  readonly #backoff = createBackoff({ initialMs: 250, maxMs: 30_000, random: Math.random })
  readonly #silence
  #live: Live | undefined
  #isWaiting = false

  constructor(deps: SlotDeps) {
    this.#deps = deps
    this.#silence = createSilenceWatch(deps.silenceMs, deps.rest.peek)
  }

  get isOpen(): boolean {
    return this.#live?.openedTimeMs !== undefined
  }

  log(): EpochLog | undefined {
    return this.#live?.log
  }

  tokenCount(): number {
    let count = 0
    for (const { desired, phase } of this.members.values()) {
      if (desired.state !== 'stopped' || phase !== 'out') count += desired.tokens.length
    }
    return count
  }

  /** Brings the socket to what is desired, touching only the markets that differ. */
  reconcile(): void {
    const members = [...this.members.values()]
    const joins = members.filter(({ desired, phase }) => desired.state === 'active' && phase === 'out')
    const leaves = members.filter(
      (member) => member.phase === 'in' && (member.desired.state !== 'active' || hasOtherTokens(member)),
    )
    const live = this.#live
    if (live?.openedTimeMs !== undefined) {
      if (joins.length > 0) this.#join(live, joins)
      if (leaves.length > 0) this.#leave(live, leaves)
    } else if (live === undefined && joins.length > 0 && !this.#isWaiting) this.#open()
    const settled = members.filter((member) => isSettled(member) && !isConfirmed(member))
    const told = settled.filter(isTold)
    if (told.length > 0) this.#deps.confirm(told)
    if (told.length < settled.length) void this.#tell(settled.filter((member) => !isTold(member)))
  }

  /** Appends a book of a REST answer to the stream of its market, unless the market left its socket meanwhile. */
  deliver(marketId: string, { token, text, receivedTimeMs }: RestBook): void {
    const live = this.#live
    const member = this.members.get(marketId)
    if (live === undefined || member === undefined || !isFollowed(member)) return
    live.awaiting.delete(token)
    live.log.push(orderbookStream(marketId), { kind: 'rest', receivedTimeMs, sourceReceivedTimeMs: undefined, text })
  }

  /** Snapshot deadlines and the watchdog on data; call it once a second. */
  tick(): void {
    const live = this.#live
    if (live?.openedTimeMs === undefined) return
    void this.#fetchOverdue(live)
    void this.#endIfSilent(live)
  }

  close(reason: GapReason, detail: string): void {
    const live = this.#live
    if (live === undefined) return
    this.#end(live, reason, detail)
    live.connection.close(detail)
  }

  #open(): void {
    const log = this.#deps.openEpoch()
    const { url, channel, isReplay } = this.#deps
    const events = {
      opened: (): void => {
        live.openedTimeMs = Date.now()
        this.#deps.log.info({ epoch: log.epoch, markets: this.members.size }, 'socket was opened')
        this.reconcile()
      },
      frame: (text: string, receivedTimeMs: number, sourceReceivedTimeMs: number | undefined): void =>
        this.#take(live, text, { receivedTimeMs, sourceReceivedTimeMs }),
      closed: (reason: string): void => void this.#reopen(live, reason),
    }
    const connection = openConnection({ url, channel, isReplay, events })
    const live = createLive(connection, log)
    this.#live = live
  }

  #take(live: Live, text: string, times: Times): void {
    const { stats, route } = this.#deps
    stats.set('newestFrameTimeMs', times.receivedTimeMs)
    const elements = text.startsWith('[') ? (splitArray(text) ?? [text]) : [text]
    for (const element of elements) {
      if (element === '' || element.trim() === '') continue
      const stream = route(element)
      if (stream === UNROUTABLE_STREAM) stats.count('unroutable')
      stats.count('frames')
      live.log.push(stream, { kind: 'websocket', ...times, text: element })
      if (live.awaiting.size > 0 && lastString(element, '"event_type"') === 'book') {
        live.awaiting.delete(firstString(element, '"asset_id"') ?? '')
      }
    }
  }

  #join(live: Live, members: Member[]): void {
    const tokens = members.flatMap(({ desired }) => desired.tokens)
    const resumed = members.filter(({ desired }) => desired.tokens.some((token) => live.known.has(token)))
    live.connection.send(this.#deps.channel.subscribe(tokens, !live.hasSubscribed))
    live.hasSubscribed = true
    for (const member of members) {
      member.phase = 'joining'
      member.toldState = 'active'
      member.tellingState = undefined
      member.tokens = member.desired.tokens
    }
    for (const token of tokens) {
      live.known.add(token)
      live.awaiting.set(token, Date.now() + SNAPSHOT_DEADLINE_MS)
    }
    live.connection.confirm(() => {
      const fresh = members.filter((member) => !resumed.includes(member))
      void this.#joined(live, fresh)
      for (const member of resumed) void this.#resume(live, member)
    })
  }

  /** A live socket sends no snapshot on a repeated subscribe: it is fetched, and only then is the market confirmed. */
  async #resume(live: Live, member: Member): Promise<void> {
    const { rest, signal } = this.#deps
    while (this.#live === live && !signal.aborted && member.desired.state === 'active') {
      const missing = await rest.request(member.tokens)
      if (missing.length === 0) break
      this.#recordMissing(live, member, new Set(missing))
      await pause(RESUME_RETRY_MS, signal)
    }
    await this.#joined(live, [member])
  }

  async #joined(live: Live, members: Member[]): Promise<void> {
    await this.#mark(live, members, 'in', (member) => [{ type: 'subscribed', tokens: member.tokens }])
  }

  async #tell(members: Member[]): Promise<void> {
    await tellLeft(members, this.#live?.log, this.#deps.openEpoch)
    if (members.every(isTold)) this.reconcile()
  }

  #leave(live: Live, members: Member[]): void {
    const tokens = members.flatMap((member) => member.tokens)
    live.connection.send(this.#deps.channel.unsubscribe(tokens))
    for (const member of members) member.phase = 'leaving'
    live.connection.confirm(() => {
      for (const token of tokens) live.awaiting.delete(token)
      void this.#mark(live, members, 'out', (member) => markersOfLeaving(member))
    })
  }

  /** The market reaches its phase when what says so is in its stream. */
  async #mark(live: Live, members: Member[], phase: Phase, markersOf: (member: Member) => Marker[]): Promise<void> {
    if (this.#live !== live) return
    for (const member of members) {
      if (phase === 'out') member.toldState = member.desired.state
      for (const marker of markersOf(member)) pushMarker(live.log, member, marker)
    }
    await Promise.all(members.map(({ desired }) => live.log.flushed(orderbookStream(desired.marketId))))
    if (this.#live !== live) return
    for (const member of members) member.phase = phase
    this.reconcile()
  }

  #recordMissing(live: Live, member: Member, missing: ReadonlySet<string>): void {
    const tokens = member.tokens.filter((token) => missing.has(token) && !live.missed.has(token))
    for (const token of tokens) live.missed.add(token)
    if (tokens.length === 0) return
    const detail = 'no snapshot on the socket nor by REST'
    pushMarker(live.log, member, { type: 'gap', reason: 'snapshot_missing', tokens, detail })
  }

  async #fetchOverdue(live: Live): Promise<void> {
    const nowMs = Date.now()
    const overdue = [...live.awaiting].filter(([, dueTimeMs]) => dueTimeMs <= nowMs).map(([token]) => token)
    if (overdue.length === 0) return
    for (const token of overdue) live.awaiting.set(token, nowMs + SNAPSHOT_RETRY_MS)
    const missing = new Set(await this.#deps.rest.request(overdue))
    if (missing.size === 0 || this.#live !== live) return
    for (const member of this.members.values()) this.#recordMissing(live, member, missing)
  }

  async #endIfSilent(live: Live): Promise<void> {
    const { signal, log } = this.#deps
    const tokens = [...this.members.values()].filter(({ phase }) => phase === 'in').flatMap((member) => member.tokens)
    if (tokens.length === 0) return
    try {
      const isSilent = await this.#silence.check(tokens, () => live.connection.newestFrameTimeMs(), signal)
      if (isSilent && this.#live === live) live.connection.close('silent although books move at REST')
    } catch (error) {
      log.warn({ error }, 'a silent socket could not be compared with REST')
    }
  }

  /** Ends the epoch: what was subscribed has a gap from here on, what was leaving has left. */
  #end(live: Live, reason: GapReason, detail: string): void {
    this.#live = undefined
    for (const member of this.members.values()) {
      for (const marker of markersOfEnd(member, reason, detail)) pushMarker(live.log, member, marker)
      if (member.phase === 'leaving') member.toldState = member.desired.state
      member.phase = 'out'
    }
    live.log.close()
  }

  async #reopen(live: Live, reason: string): Promise<void> {
    if (this.#live !== live) return
    const { log, stats, signal } = this.#deps
    this.#end(live, 'disconnect', reason)
    stats.count('reconnects')
    if (live.openedTimeMs !== undefined && Date.now() - live.openedTimeMs > STABLE_AFTER_MS) this.#backoff.reset()
    const delayMs = this.#backoff.nextDelayMs()
    log.warn({ epoch: live.log.epoch, reason, delayMs }, 'socket was closed')
    this.#isWaiting = true
    await pause(delayMs, signal)
    this.#isWaiting = false
    if (!signal.aborted) this.reconcile()
  }
}
