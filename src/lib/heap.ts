/** A binary heap: `peek` is the item that comes first by `compare`. Adding and taking cost O(log n). */
export type Heap<T> = {
  peek(): T | undefined
  push(item: T): void
  pop(): T | undefined
  /** O(n). */
  remove(item: T): void
}

export const createHeap = <T>(compare: (left: T, right: T) => number): Heap<T> => {
  const items: T[] = []

  const swap = (at: number, other: number): void => {
    const [left, right] = [items[at], items[other]]
    if (left === undefined || right === undefined) return
    items[at] = right
    items[other] = left
  }
  const isBefore = (at: number, other: number): boolean => {
    const [left, right] = [items[at], items[other]]
    return left !== undefined && right !== undefined && compare(left, right) < 0
  }
  const rise = (from: number): void => {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!isBefore(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      const child = isBefore(right, left) ? right : left
      if (!isBefore(child, at)) return
      swap(at, child)
      at = child
    }
  }
  const takeAt = (at: number): T | undefined => {
    const taken = items[at]
    const last = items.pop()
    if (last === undefined || at >= items.length) return taken
    items[at] = last
    rise(at)
    sink(at)
    return taken
  }

  return {
    peek: () => items[0],
    push: (item) => {
      items.push(item)
      rise(items.length - 1)
    },
    pop: () => takeAt(0),
    remove: (item) => {
      const at = items.indexOf(item)
      if (at >= 0) takeAt(at)
    },
  }
}
