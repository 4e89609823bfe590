import type { Slots } from './metric.ts'

/** Exact products need more than the 53 bits of a number: two slots hold high * 2^32 + low, which is enough for 2^85. */
const BASE = 2 ** 32

export const get = (slots: Slots, at: number): number => slots[at] ?? 0

export const add = (slots: Slots, at: number, value: number): void => {
  slots[at] = get(slots, at) + value
}

/** `count` slots that are sums. */
export const addSums = (into: Slots, intoAt: number, from: Slots, fromAt: number, count: number): void => {
  for (let place = 0; place < count; place++) add(into, intoAt + place, get(from, fromAt + place))
}

const addParts = (slots: Slots, at: number, high: number, low: number): void => {
  const sum = get(slots, at + 1) + low
  const over = Math.floor(sum / BASE)
  slots[at] = get(slots, at) + high + over
  slots[at + 1] = sum - over * BASE
}

/** Adds value * times to a wide sum, exactly: a safe integer times one below 2^21 (a price, or 15 minutes of ms). */
export const addProduct = (slots: Slots, at: number, value: number, times: number): void => {
  const high = Math.floor(value / BASE)
  addParts(slots, at, high * times, (value - high * BASE) * times)
}

export const addWide = (into: Slots, intoAt: number, from: Slots, fromAt: number): void =>
  addParts(into, intoAt, get(from, fromAt), get(from, fromAt + 1))

export const wideOf = (slots: Slots, at: number): bigint =>
  BigInt(get(slots, at)) * BigInt(BASE) + BigInt(get(slots, at + 1))
