import { orderbookStream } from '../domain/keys.ts'
import { every } from '../lib/every.ts'
import type { Stats } from '../lib/stats.ts'
import type { Appender } from '../stream/append.ts'
import { Arrivals, type ArrivalsDeps } from './arrivals.ts'
import type { Channel } from './connection.ts'
import { createDesireReader, type Desires } from './desired.ts'
import { createConfirming, type ConfirmingDeps } from './confirming.ts'
import type { EpochLog } from './epochs.ts'
import { toFigures, type Figures } from './figures.ts'
import { Gate } from './gate.ts'
import { isTold, tellLeft } from './leaving.ts'
import { isArriving, isConfirmed, isSettled, isWatched, markerFrame, type Member } from './market.ts'
import type { Budget } from './outbox.ts'
import { Overtaken, type OvertakenDeps } from './overtaken.ts'
import { createSlots, Pool } from './pool.ts'
import { createRefusals } from './refusals.ts'
import { Relocation } from './relocation.ts'
import { createRestQueue, type FetchBooks, type RestBook, type RestQueue } from './rest-queue.ts'
import { createResync, type Resync } from './resync.ts'
import { createRouter, type Router } from './router.ts'
import type { Slot } from './slot.ts'
import type { Stalled, WatchedFeed, WatchedToken } from './suspects.ts'
import { createWriter, type Writer } from './writer.ts'

export type SessionDeps = {
  url: string
  isReplay: boolean
  lingerMs: number
  tokensPerConnection: number
  channel: Channel
  /** An epoch that sorts behind all others of this process, and not below this time. */
  createEpoch: (notBeforeMs: number) => string
  appender: Appender
  fetchBooks: FetchBooks
  isVenueRestarting: (token: string, signal: AbortSignal) => Promise<boolean>
  budget: Budget
  stats: Stats
} & Pick<ConfirmingDeps, 'writeConfirmed' | 'writeSwitchReport' | 'log'> &
  Pick<ArrivalsDeps, 'readStanding' | 'takeOver' | 'patienceMs'> &
  Pick<OvertakenDeps, 'readFollowed'>

/** One feed group: its markets, its sockets, and the way from them into the streams. */
export class Session implements WatchedFeed {
  readonly #members = new Map<string, Member>()
  readonly #gate = new Gate()
  readonly #readDesires = createDesireReader(this.#members, this.#gate)
  readonly #deps: SessionDeps
  readonly #ended = new AbortController()
  readonly #router: Router = createRouter()
  readonly #writer: Writer
  readonly #rest: RestQueue
  readonly #pool: Pool
  readonly #resync: Resync
  readonly #relocation: Relocation
  readonly #confirming: ReturnType<typeof createConfirming>
  readonly #arrivals: Arrivals
  readonly #overtaken: Overtaken

  constructor(deps: SessionDeps) {
    this.#deps = deps
    const { appender, budget, lingerMs, log, stats, fetchBooks, tokensPerConnection } = deps
    const { signal } = this.#ended
    const onOverflow = (stream: string, epoch: EpochLog, count: number): void => {
      stats.count('framesOverflown', count)
      this.#recordLoss(stream, epoch, { reason: 'overflow', detail: `${count} frames did not fit into the buffer` })
    }
    const onLoss = (stream: string, epoch: EpochLog): void =>
      this.#recordLoss(stream, epoch, { reason: 'stream_loss', detail: 'Redis lost entries that it had acknowledged' })
    const onRefused = createRefusals(log, stats)
    this.#writer = createWriter({ appender, budget, lingerMs, log, onOverflow, onLoss, onRefused })
    this.#rest = createRestQueue({
      fetchBooks,
      deliver: (book, askedTimeMs) => this.#deliver(book, askedTimeMs),
      signal,
      log,
    })
    const createSlot = createSlots({
      ...deps,
      rest: this.#rest,
      signal,
      openEpoch: () => this.#openEpoch(),
      isVenueRestarting: (token) => deps.isVenueRestarting(token, signal),
      route: (element) => this.#router.route(element),
      confirm: (members) => void this.#confirming.confirm(members),
    })
    this.#pool = new Pool({ tokensPerConnection, createSlot })
    this.#resync = createResync({ members: this.#members, rest: this.#rest })
    this.#relocation = new Relocation({ members: this.#members, pool: this.#pool, log, stats })
    this.#confirming = createConfirming({ ...deps, members: this.#members, gate: this.#gate })
    this.#arrivals = new Arrivals({
      ...deps,
      members: this.#members,
      pool: this.#pool,
      openEpoch: (newest) => this.#openEpoch(newest),
      wantBooks: (marketId) => this.#resync.want(marketId),
    })
    this.#overtaken = new Overtaken({ ...deps, members: this.#members, pool: this.#pool })
    every(1_000, () => this.#pool.slots.forEach((slot) => slot.tick()), signal)
    every(250, () => this.#resync.tick(), signal)
  }

  /** Whether the market is new to this feed: then the newest epoch in its stream is asked for. */
  isNew(marketId: string): boolean {
    return !this.#members.has(marketId)
  }

  /** Takes a reading of what is desired; returns the market ids (or `*`) whose desire is unknown. */
  applyDesired(desires: Desires): string[] {
    const { changed, removed, unknown } = this.#readDesires(desires)
    for (const member of removed) {
      this.#pool.remove(member)
      this.#router.remove(member.desired)
    }
    for (const { desired } of changed) this.#router.add(desired)
    // A market that was never active needs no socket: it is as desired already.
    const isIdle = (member: Member): boolean => this.#pool.slotOf(member.desired.marketId) === undefined
    const members = [...this.#members.values()]
    this.#pool.reconcile(members.filter((member) => member.desired.state === 'active' || !isIdle(member)))
    void this.#arrivals.follow(this.#ended.signal)
    const isSettledIdle = (member: Member): boolean => isIdle(member) && isSettled(member) && !isArriving(member)
    const idle = members.filter((member) => isSettledIdle(member) && !isConfirmed(member))
    if (idle.length > 0) this.#confirmIdle(idle)
    this.#confirming.reportSwitch()
    return unknown
  }

  resync(marketId: string): void {
    this.#pool.slotOf(marketId)?.noteAsked(marketId)
    this.#resync.want(marketId)
    if (this.#members.has(marketId)) this.#overtaken.noteAsked(marketId)
  }

  /** Tokens of which frames should be coming: subscribed, and their first book has come. */
  watchedTokens(): WatchedToken[] {
    const subscribed = [...this.#members.values()].filter(isWatched)
    const tokens = subscribed.flatMap(({ desired: { marketId }, tokens }) =>
      tokens.map((token, index) => ({ feed: this, marketId, token, index })),
    )
    return tokens.filter((watched) => this.seenTimeMs(watched) !== undefined)
  }

  seenTimeMs({ marketId, token }: WatchedToken): number | undefined {
    const member = this.#members.get(marketId)
    if (member === undefined || !isWatched(member)) return undefined
    return this.#pool.slotOf(marketId)?.sighting(token)?.exchangeTimeMs
  }

  stalled(stalled: Stalled[]): void {
    this.#relocation.take(stalled)
  }

  /** Its connections, each with its markets and what it says of itself. */
  get connections(): readonly Slot[] {
    return this.#pool.slots
  }

  /** `move <epoch>` or `reconnect <epoch>`; the feed that has no such connection does nothing. */
  command(text: string): void {
    const [step, epoch] = text.split(' ')
    const slot = this.#pool.slots.find((one) => one.epoch === epoch)
    if (slot === undefined) return
    this.#deps.log.warn({ epoch, step, markets: slot.members.size }, 'told to act: heartbeats were missed')
    if (step === 'move') this.#relocation.moveOwed(slot, slot.vitals.owed.keys())
    if (step === 'reconnect') slot.replace([], 'replaced: heartbeats were missed')
  }

  /** Compares desired, sent and evidenced subscriptions, and repairs what differs. Returns how many tokens did. */
  compareSubscriptions(nowMs: number): number {
    return this.#pool.slots.reduce((sum, slot) => sum + slot.compare(nowMs), 0)
  }

  /** Takes the markets of which what came is not applied, and since when. Never rejects: it is called again and again. */
  async unapplied(since: ReadonlyMap<string, number>): Promise<void> {
    const tell = (error: unknown): void => this.#deps.log.debug({ error }, 'what books follow could not be read')
    await this.#overtaken.look(since).catch(tell)
  }

  redisReturned(): void {
    this.#writer.redisReturned()
  }

  /** Never rejects: an epoch that is forgotten meanwhile is a loss that its next flush finds. */
  async refreshEpochs(): Promise<void> {
    const { log } = this.#deps
    await this.#writer.refreshEpochs().catch((error: unknown) => log.warn({ error }, 'epochs could not be refreshed'))
  }

  figures(): Figures {
    return toFigures(this.#members.values(), this.#pool, this.#gate)
  }

  /** Marks the end in each stream, closes the sockets and flushes; returns whether Redis took all in time. */
  async close(detail: string, timeoutMs: number): Promise<boolean> {
    this.#ended.abort()
    this.#pool.close('feed_restart', detail)
    return this.#writer.close(timeoutMs)
  }

  /** The mark goes where the frames are missing; the fresh books go to the socket that the market is on now. */
  #recordLoss(stream: string, epoch: EpochLog, loss: { reason: 'overflow' | 'stream_loss'; detail: string }): void {
    const member = [...this.#members.values()].find(({ desired }) => orderbookStream(desired.marketId) === stream)
    const tokens = member?.tokens ?? []
    this.#deps.log.warn({ stream, epoch: epoch.epoch, ...loss }, 'frames were lost')
    if (member === undefined) {
      // A shared stream has no tape: the normalizer keeps the mark among the dead letters.
      epoch.push(stream, markerFrame({ type: 'gap', tokens, ...loss }))
      return
    }
    const log = this.#pool.slotOf(member.desired.marketId)?.log() ?? epoch
    log.push(stream, markerFrame({ type: 'gap', tokens, ...loss }))
    // It may have been lost with the rest.
    member.toldDepth = undefined
    this.#pool.slotOf(member.desired.marketId)?.reconcile()
    this.#resync.want(member.desired.marketId)
  }

  #deliver(book: RestBook, askedTimeMs: number): void {
    const marketId = this.#router.marketOfToken(book.token)
    if (marketId !== undefined) this.#pool.slotOf(marketId)?.deliver(marketId, book, askedTimeMs)
  }

  /** Also newer than what another host wrote into a stream of ours, whose clock may be ahead. */
  #openEpoch(newest = ''): EpochLog {
    let newestMs = Number.parseInt(newest, 10) || 0
    for (const { epoch } of this.#members.values()) newestMs = Math.max(newestMs, Number.parseInt(epoch, 10) || 0)
    return this.#writer.openEpoch(this.#deps.createEpoch(newestMs + 1))
  }

  /** Of markets without a socket: confirmed when their streams say that they are paused or stopped. */
  #confirmIdle(members: Member[]): void {
    const untold = members.filter((member) => !isTold(member))
    const told = (): void => this.#confirming.confirmTold(members)
    tellLeft(untold, { live: undefined, openEpoch: () => this.#openEpoch(), told })
    this.#confirming.confirmTold(members)
  }
}
