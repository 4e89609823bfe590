import type { KeptSlots, MetricValue } from '../domain/metric.ts'
import { METRICS } from './index.ts'
import type { BookState, Slots, Trade } from './metric.ts'
import { pack, unpack } from './packed.ts'
import type { Window } from './windows.ts'

const placed = METRICS.map((metric, index) => ({
  metric,
  at: METRICS.slice(0, index).reduce((sum, { width }) => sum + width, 0),
}))

/** Those that have anything to do with it. */
const held = placed.filter(({ metric }) => metric.hold !== undefined)
const moved = placed.filter(({ metric }) => metric.move !== undefined)
const traded = placed.filter(({ metric }) => metric.trade !== undefined)

/** Numbers of a bucket. */
export const WIDTH = METRICS.reduce((sum, { width }) => sum + width, 0)

export const newSlots = (): Slots => new Float64Array(WIDTH)

export const holdAll = (slots: Slots, state: BookState, ms: number): void => {
  if (!state.isKnown || ms <= 0) return
  for (const { metric, at } of held) metric.hold?.(slots, at, state, ms)
}

export const moveAll = (slots: Slots, fromMid: number, toMid: number): void => {
  if (fromMid === 0 || toMid === 0 || fromMid === toMid) return
  for (const { metric, at } of moved) metric.move?.(slots, at, fromMid, toMid)
}

export const tradeAll = (slots: Slots, trade: Trade): void => {
  for (const { metric, at } of traded) metric.trade?.(slots, at, trade)
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

const LAYOUT = METRICS.map(({ name, width }) => `${name}:${width}`).join()

export const toKept = (slots: Slots): KeptSlots => ({ layout: LAYOUT, packed: pack(slots) })

/** A metric that was kept in another width has nothing of that bucket, as one that was not there. */
export const fromKept = ({ layout, packed }: KeptSlots): Slots => {
  const numbers = unpack(packed)
  const slots = newSlots()
  let from = 0
  for (const part of layout.split(',')) {
    const [name, width = '0'] = part.split(':')
    const until = from + Number(width)
    const known = placed.find(({ metric }) => metric.name === name)
    if (known?.metric.width === Number(width)) slots.set(numbers.subarray(from, until), known.at)
    from = until
  }
  return slots
}
