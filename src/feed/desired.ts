import type { Shed } from '../domain/shed.ts'
import type { PlacedSubscription } from '../domain/subscription.ts'
import type { Everything } from '../domain/switch.ts'
import type { Gate } from './gate.ts'
import { createMember, toDesired, type Member } from './market.ts'

/** What a reading of the hash asks for. `unknown`: market ids (or `*`) whose workflow must write its desire again. */
export type Reading = { changed: Member[]; removed: Member[]; unknown: string[] }

const hasLeft = ({ phase, confirmedState }: Member): boolean => phase === 'out' && confirmedState === 'stopped'

/** A move changes no generation. */
const isMoved = ({ asked }: Member, desired: PlacedSubscription): boolean =>
  desired.generation === asked.generation && desired.passage?.type !== asked.passage?.type

const isNewer = (member: Member, desired: PlacedSubscription): boolean =>
  desired.generation > member.desired.generation || isMoved(member, desired) || hasLeft(member)

/** What Redis holds of a feed: desires by market, the newest epoch in the streams of markets that are new, the switches. */
export type Desires = {
  hash: Record<string, string>
  epochs: ReadonlyMap<string, string>
  everything: Everything | undefined
  shed: Shed | undefined
}

/** Reads desires. Nearly all are what they were at the last reading, word for word: these are not parsed again. */
const createParse = () => {
  let known = new Map<string, PlacedSubscription | undefined>()
  return (texts: string[]): PlacedSubscription[] => {
    known = new Map(texts.map((text) => [text, known.get(text) ?? toDesired(text)]))
    return texts.flatMap((text) => known.get(text) ?? [])
  }
}

/**
 * Compares the hash with the members and takes over what is newer. Redis is a copy: a missing field or a lower
 * generation is unknown, so the member stays as it is. A market that has left is forgotten with its field.
 */
export const createDesireReader = (members: Map<string, Member>, gate: Gate): ((desires: Desires) => Reading) => {
  const parse = createParse()
  return ({ hash, epochs, everything, shed }) => {
    gate.turn(everything, shed)
    const reading: Reading = { changed: [], removed: [], unknown: [] }
    for (const desired of parse(Object.values(hash))) {
      const member = members.get(desired.marketId)
      if (member === undefined) {
        const created = createMember(desired, epochs.get(desired.marketId) ?? '')
        members.set(desired.marketId, created)
        reading.changed.push(created)
      } else if (isNewer(member, desired)) {
        member.asked = desired
        reading.changed.push(member)
      } else if (desired.generation < member.desired.generation) reading.unknown.push(desired.marketId)
    }
    for (const [marketId, member] of members) {
      if (hash[marketId] !== undefined) continue
      if (hasLeft(member)) {
        members.delete(marketId)
        reading.removed.push(member)
      } else reading.unknown.push(marketId)
    }
    for (const member of members.values()) {
      member.desired = gate.over(member.asked)
      member.tier = gate.tierOf(member.desired)
    }
    if (Object.keys(hash).length === 0) reading.unknown = ['*']
    return reading
  }
}
