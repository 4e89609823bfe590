/** One price level. Texts are the last ones received: the venue's hash is over them, so they are never re-formatted. */
export type Level = {
  /** Millionths. */
  price: number
  /** Millionths; never 0 in a book. */
  size: number
  priceText: string
  sizeText: string
}

export type Side = 'bid' | 'ask'

type StoredLevel = Level & { json: string }

const stored = (level: Level): StoredLevel => ({
  ...level,
  json: `{"price":"${level.priceText}","size":"${level.sizeText}"}`,
})

/**
 * The levels of one side, kept worst first and best last (bids ascending, asks descending: the order of the wire and
 * of the hash), each with its JSON text cached, so that the hash input is a join.
 */
export class BookSide {
  #levels: StoredLevel[] = []
  #json: string | undefined
  readonly #direction: 1 | -1

  constructor(side: Side) {
    this.#direction = side === 'bid' ? 1 : -1
  }

  get count(): number {
    return this.#levels.length
  }

  best(): Level | undefined {
    return this.#levels[this.#levels.length - 1]
  }

  /** The best `count` levels, best first; 0 means all. */
  top(count: number): Level[] {
    const kept = count === 0 ? this.#levels : this.#levels.slice(-count)
    return kept.toReversed()
  }

  at(price: number): Level | undefined {
    const index = this.#indexOf(price)
    const level = this.#levels[index]
    return level?.price === price ? level : undefined
  }

  /** A price that is named twice counts as named last. */
  replace(levels: Level[]): void {
    const byPrice = new Map(levels.map((level) => [level.price, stored(level)]))
    this.#levels = [...byPrice.values()].sort((left, right) => (left.price - right.price) * this.#direction)
    this.#json = undefined
  }

  /** Sets the absolute size at a price, 0 removes it. True when the level's value changed. */
  set(level: Level): boolean {
    const index = this.#indexOf(level.price)
    const current = this.#levels[index]
    const exists = current?.price === level.price
    if (level.size === 0) {
      if (exists) this.#splice(index, 1)
      return exists
    }
    const changed = !exists || current.size !== level.size
    if (changed || current.sizeText !== level.sizeText || current.priceText !== level.priceText) {
      this.#splice(index, exists ? 1 : 0, stored(level))
    }
    return changed
  }

  /** The levels as the hash wants them: compact JSON, worst first. */
  json(): string {
    this.#json ??= this.#levels.map((level) => level.json).join(',')
    return this.#json
  }

  #splice(index: number, removeCount: number, level?: StoredLevel): void {
    if (level === undefined) this.#levels.splice(index, removeCount)
    else this.#levels.splice(index, removeCount, level)
    this.#json = undefined
  }

  #indexOf(price: number): number {
    let low = 0
    let high = this.#levels.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const level = this.#levels[middle]
      if (level !== undefined && (level.price - price) * this.#direction < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
