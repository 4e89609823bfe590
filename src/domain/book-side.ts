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

const jsonOf = (level: Level): string => `{"price":"${level.priceText}","size":"${level.sizeText}"}`

/**
 * The levels of one side, kept worst first and best last (bids ascending, asks descending: the order of the wire and
 * of the hash). The JSON that the hash wants is kept whole and spliced at each change, with prices and lengths beside
 * the levels: a change then touches a few cache lines instead of every level (measured: half the cost of a batch).
 */
export class BookSide {
  #levels: Level[] = []
  #prices: number[] = []
  /** Lengths of the levels' JSON. */
  #lengths: number[] = []
  #json = ''
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

  /** The level that this many are better than. */
  ranked(betterCount: number): Level | undefined {
    return this.#levels[this.#levels.length - 1 - betterCount]
  }

  /** How many levels are better than a price. */
  countBetter(price: number): number {
    const index = this.#indexOf(price)
    return this.#prices.length - index - (this.#prices[index] === price ? 1 : 0)
  }

  at(price: number): Level | undefined {
    const index = this.#indexOf(price)
    return this.#prices[index] === price ? this.#levels[index] : undefined
  }

  /** A price that is named twice counts as named last. */
  replace(levels: Level[]): void {
    const byPrice = new Map(levels.map((level) => [level.price, level]))
    this.#levels = [...byPrice.values()].sort((left, right) => (left.price - right.price) * this.#direction)
    this.#prices = this.#levels.map((level) => level.price)
    const parts = this.#levels.map(jsonOf)
    this.#lengths = parts.map((part) => part.length)
    this.#json = parts.join(',')
  }

  /** Sets the absolute size at a price, 0 removes it. True when the level's value changed. */
  set(level: Level): boolean {
    const index = this.#indexOf(level.price)
    const current = this.#prices[index] === level.price ? this.#levels[index] : undefined
    if (level.size === 0) {
      if (current !== undefined) this.#remove(index)
      return current !== undefined
    }
    if (current === undefined) {
      this.#insert(index, level)
      return true
    }
    if (current.sizeText !== level.sizeText || current.priceText !== level.priceText) this.#overwrite(index, level)
    return current.size !== level.size
  }

  /** The levels as the hash wants them: compact JSON, worst first. */
  json(): string {
    return this.#json
  }

  #overwrite(index: number, level: Level): void {
    const json = jsonOf(level)
    const at = this.#offsetOf(index)
    this.#json = this.#json.slice(0, at) + json + this.#json.slice(at + (this.#lengths[index] ?? 0))
    this.#lengths[index] = json.length
    this.#levels[index] = level
  }

  #insert(index: number, level: Level): void {
    const json = jsonOf(level)
    const at = this.#offsetOf(index)
    if (this.#json === '') this.#json = json
    else if (index === this.#levels.length) this.#json += `,${json}`
    else this.#json = `${this.#json.slice(0, at)}${json},${this.#json.slice(at)}`
    this.#levels.splice(index, 0, level)
    this.#prices.splice(index, 0, level.price)
    this.#lengths.splice(index, 0, json.length)
  }

  #remove(index: number): void {
    const at = this.#offsetOf(index)
    const end = at + (this.#lengths[index] ?? 0)
    const isLast = index === this.#levels.length - 1
    this.#json = isLast ? this.#json.slice(0, Math.max(at - 1, 0)) : this.#json.slice(0, at) + this.#json.slice(end + 1)
    this.#levels.splice(index, 1)
    this.#prices.splice(index, 1)
    this.#lengths.splice(index, 1)
  }

  /** Where the level's JSON starts: after those before it and a comma each. */
  #offsetOf(index: number): number {
    let offset = index
    for (let at = 0; at < index; at++) offset += this.#lengths[at] ?? 0
    return offset
  }

  #indexOf(price: number): number {
    let low = 0
    let high = this.#prices.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (((this.#prices[middle] ?? 0) - price) * this.#direction < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
