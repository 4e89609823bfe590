import type { LagAt } from './found.ts'
import type { RecordedEvent } from './recorded.ts'
import type { TokenTape } from './sent.ts'

/** What was sent longer before or after says nothing of an instant. */
const NEAR_MS = 2_000

type Passage = { sentMs: number; receivedMs: number }

/** When what a token's rows say was sent, the last time before it was received. */
const passagesOf = ({ connections }: Pick<TokenTape, 'connections'>, events: readonly RecordedEvent[]): Passage[] => {
  const sentAt = new Map<number, number[]>()
  for (const { venueMs, timeMs } of [...connections.values()].flat()) {
    sentAt.set(venueMs, [...(sentAt.get(venueMs) ?? []), timeMs])
  }
  const changes = events.filter(({ kind }) => kind === 'change')
  return changes.flatMap(({ venueMs, capturedMs: receivedMs }) => {
    const times = (sentAt.get(venueMs) ?? []).filter((timeMs) => timeMs <= receivedMs)
    return times.length === 0 ? [] : [{ sentMs: Math.max(...times), receivedMs }]
  })
}

/** Measures how far a feed was behind: by what was sent last before an instant, first after it, and on its way then. */
export const measureLag = (tape: Pick<TokenTape, 'connections'>, events: readonly RecordedEvent[]): LagAt => {
  const passages = passagesOf(tape, events).toSorted((left, right) => left.sentMs - right.sentMs)
  return (timeMs) => {
    const after = passages.findIndex(({ sentMs }) => sentMs > timeMs)
    const next = after < 0 ? passages.length : after
    const beside = passages.slice(Math.max(0, next - 1), next + 1)
    const near = beside.filter(({ sentMs }) => Math.abs(sentMs - timeMs) < NEAR_MS)
    const onTheirWay = passages.filter(({ sentMs, receivedMs }) => sentMs <= timeMs && receivedMs >= timeMs)
    return Math.max(0, ...[...near, ...onTheirWay].map(({ sentMs, receivedMs }) => receivedMs - sentMs))
  }
}
