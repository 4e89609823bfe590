import { lastTradeFrame } from './frame.ts'
import type { Outbox } from './outbox.ts'
import type { Random } from './random.ts'
import type { Fill } from './texts.ts'
import type { TradeLedger } from './trade-ledger.ts'

/** Trade reports come after the books that already show the trade: 1 to 90 ms in two recordings. */
export type LateTrades = {
  add(fills: Fill[], random: Random): void
  /** Sends what is due. Returns the frames sent. */
  settle(): number
}

export type LateTradesOptions = { outbox: Outbox; ledger: TradeLedger; now: () => number }

type Due = { dueTimeMs: number; lagMs: number; wallet: string; fills: Fill[] }

export const createLateTrades = ({ outbox, ledger, now }: LateTradesOptions): LateTrades => {
  const late: Due[] = []
  const report = (fill: Fill, wallet: string, timestamp: string): number => {
    const { token, ...rest } = fill
    const { marketId, conditionId } = token.market
    const fate = ledger.fate()
    const sentCount = fate.missedBy === 'socket' ? 0 : outbox.deliver(lastTradeFrame(fill, timestamp))
    ledger.record({ ...rest, marketId, conditionId, token: token.token, wallet, timestamp, sentCount }, fate)
    return sentCount
  }
  return {
    add: (fills, random) => {
      const dueTimeMs = now() + random.between(1, 90)
      // Stamped by another clock than the books: up to 8 ms out of order with them.
      const lagMs = random.between(0, 8)
      const at = late.findLastIndex((one) => one.dueTimeMs <= dueTimeMs)
      late.splice(at + 1, 0, { dueTimeMs, lagMs, wallet: ledger.wallet(), fills })
    },
    settle: () => {
      let sentCount = 0
      while (late[0] !== undefined && late[0].dueTimeMs <= now()) {
        const { fills, wallet, lagMs } = late[0]
        late.shift()
        for (const fill of fills) sentCount += report(fill, wallet, String(now() - lagMs))
      }
      return sentCount
    },
  }
}
