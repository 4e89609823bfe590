import type { GapReason } from '../domain/frame.ts'
import { isArriving, type Member } from './market.ts'
import type { MoveMarkers, SlotDeps } from './live.ts'
import { Slot } from './slot.ts'

type PoolDeps = { tokensPerConnection: number; createSlot: () => Slot }

export const createSlots = (deps: SlotDeps) => (): Slot => new Slot(deps)

/**
 * Readers ignore an epoch that is older than the newest in a market's stream. A socket yet to open is newer than any, and a
 * market that arrives gets an epoch of its own.
 */
const suits = (slot: Slot, member: Member): boolean =>
  isArriving(member) || slot.epoch === undefined || slot.epoch >= member.epoch

/**
 * Sockets of one feed. A market stays on its socket, paused too, unless one of its tokens stalls there; growth adds
 * sockets and disturbs none.
 */
export class Pool {
  readonly #deps: PoolDeps
  readonly #slots: Slot[] = []
  readonly #homes = new Map<string, Slot>()

  constructor(deps: PoolDeps) {
    this.#deps = deps
  }

  get slots(): readonly Slot[] {
    return this.#slots
  }

  slotOf(marketId: string): Slot | undefined {
    return this.#homes.get(marketId)
  }

  /** Brings every market to its place on a socket and every socket to what is desired. */
  reconcile(members: Iterable<Member>): void {
    for (const member of members) {
      if (this.#homes.has(member.desired.marketId)) continue
      this.#settle(member, this.#find(member, (slot) => suits(slot, member)) ?? this.#add())
    }
    for (const slot of this.#slots) slot.reconcile()
  }

  remove({ desired }: Member): void {
    const slot = this.#homes.get(desired.marketId)
    this.#homes.delete(desired.marketId)
    slot?.members.delete(desired.marketId)
    if (slot !== undefined) this.#closeIfEmpty(slot)
  }

  /**
   * Moves a market to a socket that is newer than its present one, which goes on until the first frame comes there;
   * `markers` say why in its stream. False when there is none with room, nor room for one more socket.
   */
  move(member: Member, markers: MoveMarkers): boolean {
    const from = this.#homes.get(member.desired.marketId)
    if (from === undefined) return false
    const isNewer = ({ epoch }: Slot): boolean => epoch !== undefined && epoch > member.epoch
    const to = this.#find(member, isNewer) ?? (this.#hasRoomForSlot() ? this.#add() : undefined)
    if (to === undefined) return false
    const depart = from.release(member, markers)
    this.#homes.set(member.desired.marketId, to)
    to.takeOver(member, () => {
      depart()
      this.#closeIfEmpty(from)
    })
    return true
  }

  close(reason: GapReason, detail: string): void {
    for (const slot of this.#slots) slot.close(reason, detail)
  }

  #find(member: Member, fits: (slot: Slot) => boolean): Slot | undefined {
    const room = this.#deps.tokensPerConnection - member.desired.tokens.length
    return this.#slots.find((slot) => slot.tokenCount() <= room && fits(slot))
  }

  #add(): Slot {
    const slot = this.#deps.createSlot()
    const taken = new Set(this.#slots.map(({ vitals }) => vitals.place))
    while (taken.has(slot.vitals.place)) slot.vitals.place++
    this.#slots.push(slot)
    return slot
  }

  /** Moves leave sockets half empty: twice as many as are needed, and two, are enough. */
  #hasRoomForSlot(): boolean {
    const tokens = this.#slots.reduce((sum, slot) => sum + slot.tokenCount(), 0)
    return this.#slots.length < 2 * Math.ceil(tokens / this.#deps.tokensPerConnection) + 2
  }

  #settle(member: Member, slot: Slot): void {
    slot.members.set(member.desired.marketId, member)
    this.#homes.set(member.desired.marketId, slot)
  }

  #closeIfEmpty(slot: Slot): void {
    if (slot.members.size > 0 || slot.isBeingLeft) return
    slot.close('disconnect', 'no market is left on the socket')
    const at = this.#slots.indexOf(slot)
    if (at !== -1) this.#slots.splice(at, 1)
  }
}
