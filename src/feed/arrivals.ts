import type { Frame } from '../domain/frame.ts'
import { pause } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import type { EpochLog } from './epochs.ts'
import type { Hold } from './hold.ts'
import { isArriving, isGone, markerFrame, type Member } from './market.ts'
import type { Pool } from './pool.ts'
import type { Slot } from './slot.ts'

/** What is known of a market whoever feeds it: the state of its book, and the venue time to which each outcome is applied. */
export type Standing = { isLive: boolean; appliedTimesMs: number[]; epoch: string }

export type ArrivalsDeps = {
  members: ReadonlyMap<string, Member>
  pool: Pool
  /** @throws when Redis does not answer: asked again. */
  readStanding: (marketIds: string[]) => Promise<ReadonlyMap<string, Standing>>
  /** The market becomes this feed's; false where its move was called off. @throws when Redis does not answer. */
  takeOver: (marketId: string, from: number) => Promise<boolean>
  /** Newer than this one and all epochs of the members. */
  openEpoch: (newest: string) => EpochLog
  /** How long a market may catch up before it is taken over with a gap. */
  patienceMs?: number | undefined
  /** Fetches whole books of a market. */
  wantBooks: (marketId: string) => void
  log: Logger
  stats: Stats
}

type Arrival = { member: Member; hold: Hold }
/** Venue time by token up to which the market is applied; undefined where it cannot be proved that nothing is missing. */
type Proof = ReadonlyMap<string, number> | undefined
/** `logs`: of those that were taken over in the same look, by the epoch of their socket. */
type Landing = { logs: Map<string, EpochLog>; newest: string; applied: Proof }
type Berth = { slot: Slot; log: EpochLog; applied: Proof }

const LOOK_EVERY_MS = 50
/** Where the book is proved it catches up within a second; what cannot be proved is taken over with a gap. */
const PATIENCE_MS = 3_000
/** A market of which no book comes at all. */
const LONGEST_MS = 15_000

/** Venue time by token up to which the market is applied, if that is as far as the snapshots that came here. */
const caughtUp = ({ member, hold }: Arrival, standing: Standing | undefined): Map<string, number> | undefined => {
  if (standing === undefined || !standing.isLive || hold.isBroken) return undefined
  const applied = new Map(member.tokens.map((token, index) => [token, standing.appliedTimesMs[index] ?? 0]))
  const isEvery = member.tokens.every((token) => (applied.get(token) ?? 0) >= (hold.snapshots.get(token) ?? Infinity))
  return isEvery ? applied : undefined
}

const isOverdue = ({ member, hold }: Arrival, nowMs: number, patienceMs = PATIENCE_MS): boolean => {
  const hasBooks = member.tokens.every((token) => hold.snapshots.has(token))
  return hold.isBroken || nowMs - hold.startedTimeMs > (hasBooks ? patienceMs : LONGEST_MS)
}

const firstFrames = ({ member: { tokens }, hold }: Arrival, isContinued: boolean): Frame[] => {
  if (isContinued) return [markerFrame({ type: 'continued', tokens })]
  const detail = 'what came while it moved did not fit into the buffer'
  return hold.isBroken ? [markerFrame({ type: 'gap', reason: 'overflow', tokens, detail })] : []
}

/**
 * Markets that come from another connection. Subscribed here, they are followed there until what is applied has reached
 * the whole books that came here: then nothing is missed. They are taken over, and what was held goes out.
 */
export class Arrivals {
  readonly #deps: ArrivalsDeps
  #isFollowing = false

  constructor(deps: ArrivalsDeps) {
    this.#deps = deps
  }

  /** Call it when markets may have come: looks at them several times a second until none is on its way any more. */
  async follow(signal: AbortSignal): Promise<void> {
    if (this.#isFollowing) return
    this.#isFollowing = true
    while (!signal.aborted && this.#isExpecting()) {
      await pause(LOOK_EVERY_MS, signal)
      if (!signal.aborted) await this.#tryToLook()
    }
    this.#isFollowing = false
  }

  /** One that arrives is held from when its socket has opened, and may be called off or changed meanwhile. */
  #isExpecting(): boolean {
    return [...this.#deps.members.values()].some(isArriving) || this.#list().length > 0
  }

  async #tryToLook(): Promise<void> {
    const arrivals = this.#list()
    if (arrivals.length === 0) return
    try {
      await this.#look(arrivals)
    } catch (error) {
      this.#deps.log.debug({ error }, 'markets that arrive could not be looked at, it is tried again')
    }
  }

  #list(): Arrival[] {
    const arrivals: Arrival[] = []
    for (const slot of this.#deps.pool.slots) {
      for (const [marketId, hold] of slot.holds()) {
        const member = slot.members.get(marketId)
        if (member !== undefined) arrivals.push({ member, hold })
      }
    }
    return arrivals
  }

  async #look(arrivals: Arrival[]): Promise<void> {
    const standings = await this.#deps.readStanding(arrivals.map(({ member }) => member.desired.marketId))
    const nowMs = Date.now()
    const newest =
      [...standings.values()]
        .map(({ epoch }) => epoch)
        .toSorted()
        .at(-1) ?? ''
    const logs = new Map<string, EpochLog>()
    for (const arrival of arrivals) {
      const { member } = arrival
      const standing = standings.get(member.desired.marketId)
      const applied = member.desired.state === 'active' ? caughtUp(arrival, standing) : undefined
      const isCalledOff = isGone(member)
      const isDue =
        applied !== undefined || member.desired.state !== 'active' || isOverdue(arrival, nowMs, this.#deps.patienceMs)
      if (isCalledOff) this.#drop(arrival)
      else if (isDue && (await this.#isOurs(member))) this.#land(arrival, { logs, newest, applied })
    }
  }

  async #isOurs({ asked }: Member): Promise<boolean> {
    const { passage, marketId } = asked
    return passage?.type !== 'arriving' || this.#deps.takeOver(marketId, passage.from)
  }

  #drop({ member }: Arrival): void {
    this.#deps.stats.count('movesCalledOff')
    this.#deps.pool.slotOf(member.desired.marketId)?.letGo(member, undefined, [])
  }

  /** It is this feed's now. Where its socket ended meanwhile it joins the next one as any other market, with a gap. */
  #land(arrival: Arrival, { logs, newest, applied }: Landing): void {
    const { member, hold } = arrival
    const { passage: _, ...asked } = member.asked
    member.asked = asked
    const slot = this.#deps.pool.slotOf(member.desired.marketId)
    const isHeld = slot?.holds().some(([, held]) => held === hold) === true
    this.#deps.stats.count('marketsMoved')
    if (applied === undefined || !isHeld) this.#deps.stats.count('marketsMovedWithGap')
    if (slot?.epoch === undefined || !isHeld) return
    // A log ends with its socket: markets of two sockets never share one.
    const log = logs.get(slot.epoch) ?? this.#deps.openEpoch(newest)
    logs.set(slot.epoch, log)
    this.#letGo(arrival, { slot, log, applied })
  }

  #letGo(arrival: Arrival, { slot, log, applied }: Berth): void {
    const { member, hold } = arrival
    const { marketId } = member.desired
    const frames = [...firstFrames(arrival, applied !== undefined), ...hold.take(applied ?? new Map())]
    member.epoch = log.epoch
    slot.letGo(member, log, frames)
    if (hold.isBroken) this.#deps.wantBooks(marketId)
    const tookMs = Date.now() - hold.startedTimeMs
    this.#deps.log.info(
      { marketId, epoch: log.epoch, frames: frames.length, tookMs, isContinued: applied !== undefined },
      'a market was taken over',
    )
  }
}
