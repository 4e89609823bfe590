import type { GapReason } from '../domain/frame.ts'
import type { Member } from './market.ts'
import type { SlotDeps } from './live.ts'
import { Slot } from './slot.ts'

export type Pool = {
  /** Brings every market to its place on a socket and every socket to what is desired. */
  reconcile(members: Iterable<Member>): void
  remove(member: Member): void
  slotOf(marketId: string): Slot | undefined
  slots(): Slot[]
  close(reason: GapReason, detail: string): void
}

type PoolDeps = { tokensPerConnection: number; createSlot: () => Slot }

export const createSlots = (deps: SlotDeps) => (): Slot => new Slot(deps)

/** Sockets of one feed. A market stays on its socket, paused too; growth adds sockets and disturbs none. */
export const createPool = ({ tokensPerConnection, createSlot }: PoolDeps): Pool => {
  const slots: Slot[] = []
  const homes = new Map<string, Slot>()
  const homeFor = (member: Member): Slot => {
    const room = tokensPerConnection - member.desired.tokens.length
    const found = slots.find((slot) => slot.tokenCount() <= room)
    if (found !== undefined) return found
    const slot = createSlot()
    slots.push(slot)
    return slot
  }
  const place = (member: Member): void => {
    const { marketId } = member.desired
    if (homes.has(marketId)) return
    const slot = homeFor(member)
    slot.members.set(marketId, member)
    homes.set(marketId, slot)
  }
  return {
    reconcile: (members) => {
      for (const member of members) place(member)
      for (const slot of slots) slot.reconcile()
    },
    remove: ({ desired }) => {
      const slot = homes.get(desired.marketId)
      homes.delete(desired.marketId)
      slot?.members.delete(desired.marketId)
      if (slot === undefined || slot.members.size > 0) return
      slot.close('disconnect', 'no market is left on the socket')
      slots.splice(slots.indexOf(slot), 1)
    },
    slotOf: (marketId) => homes.get(marketId),
    slots: () => slots,
    close: (reason, detail) => {
      for (const slot of slots) slot.close(reason, detail)
    },
  }
}
