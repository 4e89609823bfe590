import type { StreamEntry } from '../../src/domain/frame.ts'
import { levelKey, type Row } from './normalizer-rows.ts'

/** Levels as `side price` -> size, by value. */
export type Levels = Map<string, string>

/** The best `depth` levels of each side by sorting all of them, 0 = all; texts that are equal where the levels are. */
export const windowOf = (levels: Levels, depth: number): string[] => {
  const side = (name: 'bid' | 'ask'): string[] => {
    const own = [...levels].filter(([key]) => key.startsWith(name))
    const price = ([key]: [string, string]): number => Number(key.slice(4))
    own.sort((left, right) => (price(left) - price(right)) * (name === 'bid' ? -1 : 1))
    return own.slice(0, depth === 0 ? undefined : depth).map(([key, size]) => `${key} ${size}`)
  }
  return [...side('bid'), ...side('ask')]
}

export type WrittenEvent = { sequence: number; kind: Row['kind']; rows: Row[] }

export const eventsOf = (rows: Row[]): WrittenEvent[] => {
  const events: WrittenEvent[] = []
  for (const row of rows) {
    const { sequence, kind } = row
    if (events.at(-1)?.sequence !== sequence) events.push({ sequence, kind, rows: [] })
    events.at(-1)?.rows.push(row)
  }
  return events
}

/** As `book_at` reads rows: a gap leaves the levels as they were. */
export const applyEvent = (levels: Levels, { kind, rows }: WrittenEvent): void => {
  if (kind === 'gap') return
  if (kind === 'snapshot') levels.clear()
  for (const { side, price, size } of rows) {
    if (Number(size) === 0) levels.delete(levelKey(side, price))
    else levels.set(levelKey(side, price), String(Number(size)))
  }
}

const depthIn = ({ frames }: StreamEntry): number | undefined => {
  const [frame] = frames
  if (frame?.kind !== 'marker') return undefined
  const marker = JSON.parse(frame.text) as { type: string; levels: number }
  return marker.type === 'depth' ? marker.levels : undefined
}

/** The entry, and the depth that it tells; a tape that gets `plain` instead keeps every level. */
export const withoutDepth = (entry: StreamEntry): { depth: number | undefined; plain: StreamEntry } => {
  const depth = depthIn(entry)
  if (depth === undefined) return { depth, plain: entry }
  const frames = entry.frames.map((frame) => ({ ...frame, text: '{"type":"asked","tokens":[]}' }))
  return { depth, plain: { ...entry, frames } }
}
