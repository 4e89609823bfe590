import { keptDepth, NOTHING_SHED, type Shed, type ShedTier } from '../domain/shed.ts'
import type { DesiredSubscription, PlacedSubscription } from '../domain/subscription.ts'
import { UNTOUCHED, type Everything } from '../domain/switch.ts'
import { isTold } from './leaving.ts'
import { isArriving, isSettled, type Member } from './market.ts'

/** All markets of the feed are as the switch of this generation wants; counts of those it holds back, or lets go on. */
export type SwitchReport = { generation: number; markets: number; tokens: number }

/**
 * The switches over every market, at one feed: the operator's pause, and what is shed for its costs. They lie over what is
 * desired of each market, which stays as it is beneath them: resuming everything resumes only what is desired active.
 */
export class Gate {
  #everything: Everything = UNTOUCHED
  #shed: Shed = NOTHING_SHED
  #reportedGeneration = 0

  get isPaused(): boolean {
    return this.#everything.state === 'paused'
  }

  /** Takes the switches as they were read. Redis is a copy: what is missing or older is unknown and changes nothing. */
  turn(everything: Everything | undefined, shed: Shed | undefined): void {
    if (everything !== undefined && everything.generation > this.#everything.generation) this.#everything = everything
    if (shed !== undefined && shed.generation > this.#shed.generation) this.#shed = shed
  }

  /** What is in force of a desire. Of what is not active nothing is shed. */
  over(asked: PlacedSubscription): PlacedSubscription {
    if (asked.state !== 'active') return asked
    if (this.isPaused) return { ...asked, state: 'paused' }
    const depth = keptDepth(asked.depth, this.#shed)
    return depth === asked.depth ? asked : { ...asked, depth }
  }

  /** What is shed of a market of which this is in force. */
  tierOf({ state }: DesiredSubscription): ShedTier {
    return state === 'active' ? this.#shed.tier : 0
  }

  /** What is to be said of a turn, once, when every market has followed it. */
  takeReport(members: Iterable<Member>): SwitchReport | undefined {
    const { generation } = this.#everything
    if (this.#reportedGeneration === generation) return undefined
    let markets = 0
    let tokens = 0
    for (const member of members) {
      // Its present group speaks for it.
      if (isArriving(member)) continue
      if (!isSettled(member) || !isTold(member)) return undefined
      if (member.asked.state !== 'active') continue
      markets += 1
      tokens += member.tokens.length
    }
    this.#reportedGeneration = generation
    return { generation, markets, tokens }
  }

  /** The report could not be written: it is due again. */
  reportFailed(): void {
    this.#reportedGeneration = -1
  }
}
