import type { KeptSlots, MetricValue } from '../domain/metric.ts'
import { METRICS } from './index.ts'
import type { BookState, Slots, Trade } from './metric.ts'
import type { Window } from './windows.ts'

const placed = METRICS.map((metric, index) => ({
  metric,
  at: METRICS.slice(0, index).reduce((sum, { width }) => sum + width, 0),
}))

/** Numbers of a bucket. */
export const WIDTH = METRICS.reduce((sum, { width }) => sum + width, 0)

export const newSlots = (): Slots => new Float64Array(WIDTH)

export const holdAll = (slots: Slots, state: BookState, ms: number): void => {
  if (!state.isKnown || ms <= 0) return
  for (const { metric, at } of placed) metric.hold?.(slots, at, state, ms)
}

export const moveAll = (slots: Slots, fromMid: number, toMid: number): void => {
  if (fromMid === 0 || toMid === 0 || fromMid === toMid) return
  for (const { metric, at } of placed) metric.move?.(slots, at, fromMid, toMid)
}

export const tradeAll = (slots: Slots, trade: Trade): void => {
  for (const { metric, at } of placed) metric.trade?.(slots, at, trade)
}

/** `from` starts at `offset` of its array and is the later bucket. */
export const mergeAll = (into: Slots, from: Slots, offset = 0): void => {
  for (const { metric, at } of placed) metric.merge(into, at, from, offset + at)
}

export const readAll = (slots: Slots, { name, ms }: Window, lengthMs = ms): MetricValue[] =>
  placed.flatMap(({ metric, at }) =>
    metric.read(slots, at, lengthMs).flatMap((text, index) => {
      const type = metric.types[index]
      return text === undefined || type === undefined ? [] : [{ type, window: name, text }]
    }),
  )

export const toKept = (slots: Slots): KeptSlots => {
  const kept: KeptSlots = {}
  for (const { metric, at } of placed) {
    const numbers = slots.subarray(at, at + metric.width)
    if (numbers.some((value) => value !== 0)) kept[metric.name] = [...numbers]
  }
  return kept
}

/** A metric that was kept in another width has nothing of that bucket, as one that was not there. */
export const fromKept = (kept: KeptSlots): Slots => {
  const slots = newSlots()
  for (const { metric, at } of placed) {
    const numbers = kept[metric.name]
    if (numbers?.length === metric.width) slots.set(numbers, at)
  }
  return slots
}
