import { describe, expect, test } from 'vitest'
import { align, unrecorded } from '../support/tape/aligned.ts'
import { createHandMade } from '../support/tape/hand-made.ts'
import { levelsOf, toSegments, type RecordedEvent } from '../support/tape/recorded.ts'
import type { LevelRow, Levels } from '../support/tape/levels.ts'

const rowsOf = ({ bid, ask }: Levels): LevelRow[] => [
  ...[...bid].map(([price, size]): LevelRow => ({ side: 'bid', price, size })),
  ...[...ask].map(([price, size]): LevelRow => ({ side: 'ask', price, size })),
]

type Event = Pick<RecordedEvent, 'kind' | 'venueMs' | 'capturedMs' | 'rows'>
const numbered = (events: Event[]): RecordedEvent[] => events.map((event, index) => ({ ...event, sequence: index + 1 }))

/** Two connections: the second opens after the first missed its last two changes. */
const record = () => {
  const log = createHandMade(['bid 0.4 10', 'ask 0.6 10'])
  const rows: Record<string, Event> = {}
  const note = (name: string, kind: Event['kind'], changed: LevelRow[]): void => {
    rows[name] = { kind, venueMs: log.tape.at(-1)?.venueMs ?? 0, capturedMs: log.at() + 1, rows: changed }
  }
  const change = (name: string, price: string, connection: number): void => {
    log.wait(100)
    log.batch([`bid ${price} 5`], [0], connection)
    note(name, 'change', [{ side: 'bid', price, size: '5' }])
  }
  log.dump(1)
  note('first', 'snapshot', rowsOf(log.levels()))
  for (const price of ['0.41', '0.42', '0.43', '0.44']) change(price, price, 1)
  log.wait(100)
  note('gap', 'gap', [{ side: 'bid', price: '0', size: '0' }])
  log.wait(100)
  log.dump(2)
  note('second', 'snapshot', rowsOf(log.levels()))
  change('0.45', '0.45', 2)
  const pick = (...names: string[]): RecordedEvent[] => numbered(names.flatMap((name) => rows[name] ?? []))
  return { log, pick }
}

const judge = (events: RecordedEvent[], { log }: ReturnType<typeof record>) => {
  const { segments, problems } = toSegments(events)
  const found = align(segments, log.connections, ({ gap }) => (gap === undefined ? Infinity : gap.capturedMs - 500))
  const lost = [...log.connections].flatMap(([connection, sent]) => unrecorded(connection, sent, found.aligned))
  return {
    problems: [...problems, ...found.problems],
    connections: found.aligned.map(({ connection }) => connection),
    lost: lost.flatMap(({ rows }) => rows.map(({ price }) => price)),
  }
}

describe('a history against what was sent', () => {
  test('is a prefix of the first connection and all of the second', () => {
    const recorded = record()
    const whole = recorded.pick('first', '0.41', '0.42', '0.43', '0.44', 'gap', 'second', '0.45')
    expect(judge(whole, recorded)).toEqual({ problems: [], connections: [1, 2], lost: [] })
    const cut = recorded.pick('first', '0.41', '0.42', 'gap', 'second', '0.45')
    expect(judge(cut, recorded)).toEqual({ problems: [], connections: [1, 2], lost: ['0.43', '0.44'] })
  })

  test('is wrong when a row is missing with no gap to say so, or stands twice', () => {
    const recorded = record()
    const hole = recorded.pick('first', '0.41', '0.43', '0.44', 'gap', 'second', '0.45')
    expect(judge(hole, recorded).problems).toEqual([expect.stringContaining('recorded bid 0.43 5')])
    const twice = recorded.pick('first', '0.41', '0.41', '0.42', 'gap', 'second', '0.45')
    expect(judge(twice, recorded).problems).toHaveLength(1)
    const late = recorded.pick('first', '0.41', 'gap', '0.42', 'second', '0.45')
    expect(judge(late, recorded).problems).toEqual([expect.stringContaining('changes a book that is not known')])
    const replaced = recorded.pick('first', '0.41', '0.42', '0.43', '0.44', 'second', '0.45')
    expect(judge(replaced, recorded).problems).toEqual([expect.stringContaining('although no gap was open')])
  })

  test('may start in the middle of a connection, by a snapshot of REST', () => {
    const recorded = record()
    const { log } = recorded
    log.wait(100)
    log.batch(['bid 0.46 5'], [0], 2)
    const snapshot: Event = { kind: 'snapshot', venueMs: log.at(), capturedMs: log.at(), rows: rowsOf(log.levels()) }
    expect(levelsOf({ ...snapshot, sequence: 1 }).bid.get('0.46')).toBe('5')
    log.wait(100)
    log.batch(['bid 0.47 5'], [0], 2)
    const change: Event = {
      kind: 'change',
      venueMs: log.at(),
      capturedMs: log.at(),
      rows: [{ side: 'bid', price: '0.47', size: '5' }],
    }
    const events = numbered([...recorded.pick('first', 'gap', 'second', '0.45', 'gap'), snapshot, change])
    expect(judge(events, recorded)).toMatchObject({ problems: [], connections: [1, 2, 2] })
    expect(judge(events, recorded).lost).toEqual(['0.41', '0.42', '0.43', '0.44'])
  })
})
