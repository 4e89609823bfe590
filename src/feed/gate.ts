import type { PlacedSubscription } from '../domain/subscription.ts'
import { UNTOUCHED, type Everything } from '../domain/switch.ts'
import { isTold } from './leaving.ts'
import { isArriving, isSettled, type Member } from './market.ts'

/** All markets of the feed are as the switch of this generation wants; counts of those it holds back, or lets go on. */
export type SwitchReport = { generation: number; markets: number; tokens: number }

/**
 * The operator's switch over every market, at one feed. It lies over what is desired of each market, which stays as it is
 * beneath it: resuming everything resumes only what is desired active.
 */
export class Gate {
  #everything: Everything = UNTOUCHED
  #reportedGeneration = 0

  get isPaused(): boolean {
    return this.#everything.state === 'paused'
  }

  /** Takes the switch as it was read. Redis is a copy: what is missing or older is unknown and changes nothing. */
  turn(read: Everything | undefined): void {
    if (read !== undefined && read.generation > this.#everything.generation) this.#everything = read
  }

  /** What is in force of a desire. */
  over(asked: PlacedSubscription): PlacedSubscription {
    return this.isPaused && asked.state === 'active' ? { ...asked, state: 'paused' } : asked
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
