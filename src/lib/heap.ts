/** A binary heap: `peek` is the item that comes first by `compare`. Adding and taking cost O(log n). */
export class Heap<T> {
  readonly #items: T[] = []
  readonly #compare: (left: T, right: T) => number

  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  push(item: T): void {
    this.#items.push(item)
    this.#rise(this.#items.length - 1)
  }

  pop(): T | undefined {
    return this.#takeAt(0)
  }

  /** O(n). */
  remove(item: T): void {
    const at = this.#items.indexOf(item)
    if (at >= 0) this.#takeAt(at)
  }

  #takeAt(at: number): T | undefined {
    const taken = this.#items[at]
    const last = this.#items.pop()
    if (last === undefined || at >= this.#items.length) return taken
    this.#items[at] = last
    this.#rise(at)
    this.#sink(at)
    return taken
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const child = this.#isBefore(right, left) ? right : left
      if (!this.#isBefore(child, at)) return
      this.#swap(at, child)
      at = child
    }
  }

  /** False where one of them is beyond the end. */
  #isBefore(at: number, other: number): boolean {
    const [left, right] = [this.#items[at], this.#items[other]]
    return left !== undefined && right !== undefined && this.#compare(left, right) < 0
  }

  #swap(at: number, other: number): void {
    const [left, right] = [this.#items[at], this.#items[other]]
    if (left === undefined || right === undefined) return
    this.#items[at] = right
    this.#items[other] = left
  }
}
