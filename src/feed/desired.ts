import type { DesiredSubscription } from '../domain/subscription.ts'
import { createMember, toDesired, type Member } from './market.ts'

/** What a reading of the hash asks for. `unknown`: market ids (or `*`) whose workflow must write its desire again. */
export type Reading = { changed: Member[]; removed: Member[]; unknown: string[] }

const hasLeft = ({ phase, confirmedState }: Member): boolean => phase === 'out' && confirmedState === 'stopped'

const isNewer = (member: Member, desired: DesiredSubscription): boolean =>
  desired.generation > member.desired.generation || hasLeft(member)

/** What Redis holds of a feed: desires by market, and the newest epoch in the streams of markets that are new to it. */
export type Desires = { hash: Record<string, string>; epochs: ReadonlyMap<string, string> }

/**
 * Compares the hash with the members and takes over what is newer. Redis is a copy: a missing field or a lower
 * generation is unknown, so the member stays as it is. A market that has left is forgotten with its field.
 */
export const readDesires = ({ hash, epochs }: Desires, members: Map<string, Member>): Reading => {
  const reading: Reading = { changed: [], removed: [], unknown: [] }
  for (const text of Object.values(hash)) {
    const desired = toDesired(text)
    if (desired === undefined) continue
    const member = members.get(desired.marketId)
    if (member === undefined) {
      const created = createMember(desired, epochs.get(desired.marketId) ?? '')
      members.set(desired.marketId, created)
      reading.changed.push(created)
    } else if (isNewer(member, desired)) {
      member.desired = desired
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
  if (Object.keys(hash).length === 0) reading.unknown = ['*']
  return reading
}
