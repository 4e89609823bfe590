import type { Level, Side } from '../domain/book-side.ts'

/** What the hot cache does not have yet of one outcome: either all, or the levels that changed (size 0 removes). */
export class LadderChanges {
  #isWhole = false
  /** By price in millionths: the same price may come in another spelling. */
  readonly #levels: Record<Side, Map<number, [price: string, size: string]>> = { bid: new Map(), ask: new Map() }

  get isEmpty(): boolean {
    return !this.#isWhole && this.#levels.bid.size === 0 && this.#levels.ask.size === 0
  }

  get isWhole(): boolean {
    return this.#isWhole
  }

  /** From now on the whole ladder has to be written. */
  replaceAll(): void {
    this.clear()
    this.#isWhole = true
  }

  set(side: Side, level: Level): void {
    if (!this.#isWhole) this.#levels[side].set(level.price, [level.priceText, level.size === 0 ? '0' : level.sizeText])
  }

  /** The changed levels of a side as price and size texts. */
  side(side: Side): [price: string, size: string][] {
    return [...this.#levels[side].values()]
  }

  clear(): void {
    this.#isWhole = false
    this.#levels.bid.clear()
    this.#levels.ask.clear()
  }
}
