import { copyLevels, emptyLevels, setLevel, type LevelRow, type Levels } from './levels.ts'
import { judgeDelivery } from './oracle.ts'
import type { Repair } from './receiver.ts'
import type { Sent } from './sent.ts'

/** A level as `bid 0.4 10`. */
const rowOf = (text: string): LevelRow => {
  const [side, price = '', size = ''] = text.split(' ')
  return { side: side === 'bid' ? 'bid' : 'ask', price, size }
}

/** A tiny log made by hand: what the venue did to one token, and what of it each connection was sent. */
export const createHandMade = (opening: string[]) => {
  const tape: Sent[] = []
  const connections = new Map<number, Sent[]>()
  const closings: { connection: number; timeMs: number }[] = []
  const repairs: Repair[] = []
  const levels = emptyLevels()
  let at = 0
  let timeMs = 1_000
  const place = (): Pick<Sent, 'at' | 'timeMs' | 'venueMs'> => ({ at: ++at, timeMs, venueMs: timeMs })
  const on = (connection: number): Sent[] => {
    const list = connections.get(connection) ?? []
    connections.set(connection, list)
    return list
  }
  const book = (): Sent => ({ ...place(), type: 'book', hash: `h${timeMs}`, levels: copyLevels(levels) })
  for (const row of opening) setLevel(levels, rowOf(row))
  tape.push(book())
  return {
    tape,
    connections,
    at: (): number => timeMs,
    levels: (): Levels => copyLevels(levels),
    wait: (ms: number): void => void (timeMs += ms),
    /** The connection is sent the whole book. */
    dump: (connection: number): void => void on(connection).push({ ...book(), venueMs: tape.at(-1)?.venueMs ?? 0 }),
    /** One batch of the venue; `send` says for each text how often, and in which order, the connection gets it. */
    batch: (rows: string[], send: number[] = rows.map((_, index) => index), connection = 1): void => {
      const hash = `h${tape.length}`
      const made = rows.map((text): Sent => {
        setLevel(levels, rowOf(text))
        return { ...place(), type: 'change', hash, row: rowOf(text) }
      })
      tape.push(...made)
      for (const index of send) {
        const one = made[index]
        if (one !== undefined) on(connection).push({ ...one, at: ++at })
      }
    },
    /** A text of an earlier batch comes only now. */
    late: (index: number, connection = 1): void => {
      const one = tape[index]
      if (one !== undefined) on(connection).push({ ...one, at: ++at, timeMs })
    },
    quote: (bid: string, ask: string): void => void on(1).push({ ...place(), type: 'best', bid, ask }),
    close: (connection: number): void => void closings.push({ connection, timeMs }),
    /** The receiver took a snapshot of the venue's book as it is now. */
    repair: (): void => {
      repairs.push({ timeMs, venueMs: tape.at(-1)?.venueMs ?? 0, levels: copyLevels(levels) })
    },
    judge: (): string[] =>
      judgeDelivery({ tape, connections, closings, repairs, endMs: timeMs }).losses.map(
        ({ type, timeMs: foundMs, sinceMs }) => `${type} at ${foundMs} since ${sinceMs}`,
      ),
  }
}
