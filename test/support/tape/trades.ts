import { fillTexts } from '../recorded-truth.ts'
import type pg from 'pg'
import type { TokenTape } from './sent.ts'

export type SentTrade = { token: string; text: string; connection: number; timeMs: number }

/** Trades that were sent and are no fill, and fills that nobody sent. Equal ones are told apart by their count. */
export const readLostTrades = async (
  pool: pg.Pool,
  tapes: ReadonlyMap<string, TokenTape>,
): Promise<{ lost: SentTrade[]; invented: string[] }> => {
  const recorded = new Map<string, number>()
  for (const text of await fillTexts(pool)) recorded.set(text, (recorded.get(text) ?? 0) + 1)
  const sent = [...tapes].flatMap(([token, { connections }]) =>
    [...connections].flatMap(([connection, all]) =>
      all.flatMap((one) => (one.type === 'trade' ? [{ token, text: one.text, connection, timeMs: one.timeMs }] : [])),
    ),
  )
  const lost = sent
    .toSorted((left, right) => left.timeMs - right.timeMs)
    .filter(({ text }) => {
      const count = recorded.get(text) ?? 0
      if (count > 0) recorded.set(text, count - 1)
      return count === 0
    })
  const invented = [...recorded].filter(([, count]) => count > 0).map(([text]) => text)
  return { lost, invented }
}
