/** Last ordinal of each, oldest first. Part of a checkpoint. */
export type OlderOrdinals = [epoch: string, ordinal: number][]

/** Of a market that is moved, two connections overlap for a second; more than a few never do. */
const MOST = 4

/**
 * How far the connections were applied that a market followed before. Their books are of no use any more, but a trade
 * stands for itself: one that only the older connection saw, while the newer one had begun, is a fill all the same.
 */
export class OlderConnections {
  #ordinals = new Map<string, number>()

  /** The market follows another connection from here on. */
  leave(epoch: string, ordinal: number): void {
    this.#ordinals.set(epoch, ordinal)
    const [oldest] = this.#ordinals.keys()
    if (this.#ordinals.size > MOST && oldest !== undefined) this.#ordinals.delete(oldest)
  }

  /** False for a frame that was applied before, and for one of a connection that is long forgotten. */
  accept(epoch: string, ordinal: number): boolean {
    const last = this.#ordinals.get(epoch)
    if (last === undefined ? ordinal !== 1 : ordinal <= last) return false
    this.leave(epoch, ordinal)
    return true
  }

  snapshot(): OlderOrdinals {
    return [...this.#ordinals]
  }

  /** Undefined: a checkpoint of before there were any. */
  restore(ordinals: OlderOrdinals | undefined): void {
    this.#ordinals = new Map(ordinals)
  }
}
