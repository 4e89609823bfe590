import { lastTradeFrame } from './frame.ts'
import type { LedgerTrade } from './ledger.ts'
import type { Outbox } from './outbox.ts'
import type { Random } from './random.ts'
import type { Fill } from './texts.ts'

/** Trade reports come after the books that already show the trade: 1 to 90 ms in two recordings. */
export type LateTrades = {
  add(fills: Fill[], random: Random): void
  /** Sends what is due. Returns the frames sent. */
  settle(): number
}

export type LateTradesOptions = { outbox: Outbox; trades: LedgerTrade[]; now: () => number }

type Due = { dueTimeMs: number; lagMs: number; fills: Fill[] }

export const createLateTrades = ({ outbox, trades, now }: LateTradesOptions): LateTrades => {
  const late: Due[] = []
  const report = (fill: Fill, timestamp: string): number => {
    const { token, ...rest } = fill
    const { marketId, conditionId } = token.market
    const sentCount = outbox.deliver(lastTradeFrame(fill, timestamp))
    trades.push({ ...rest, marketId, conditionId, token: token.token, timestamp, sentCount })
    return sentCount
  }
  return {
    add: (fills, random) => {
      const dueTimeMs = now() + random.between(1, 90)
      // Stamped by another clock than the books: up to 8 ms out of order with them.
      const lagMs = random.between(0, 8)
      const at = late.findLastIndex((one) => one.dueTimeMs <= dueTimeMs)
      late.splice(at + 1, 0, { dueTimeMs, lagMs, fills })
    },
    settle: () => {
      let sentCount = 0
      while (late[0] !== undefined && late[0].dueTimeMs <= now()) {
        const { fills, lagMs } = late[0]
        late.shift()
        for (const fill of fills) sentCount += report(fill, String(now() - lagMs))
      }
      return sentCount
    },
  }
}
