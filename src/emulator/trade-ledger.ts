import { toMillionths } from '../domain/decimal.ts'
import { createHoldings, type Holdings } from './holdings.ts'
import { createListing, type Listing } from './listing.ts'
import type { LedgerActivity, LedgerTrade } from './ledger.ts'
import { createRandom, subSeed, type Random } from './random.ts'
import { fateOf, type Fate, type TradeFaults } from './trade-faults.ts'

/** Who traded what, and what else the wallets did. The truth, whatever a source shows of it. */
export type TradeLedger = {
  /** In the venue's order. */
  readonly trades: LedgerTrade[]
  readonly activities: LedgerActivity[]
  readonly faults: TradeFaults
  readonly holdings: Holdings
  readonly listedTrades: Listing<LedgerTrade>
  readonly listedActivities: Listing<LedgerActivity>
  wallet(): string
  /** To be asked before a fill is told: the sockets may have to leave it out. */
  fate(): Fate
  record(trade: Omit<LedgerTrade, 'missedBy'>, fate: Fate): void
  act(activity: LedgerActivity): void
}

export type TradeLedgerOptions = { seed: number; walletCount: number; faults: TradeFaults; now: () => number }

const WALLET_SEED = 2_000_003
const FATE_SEED = 3_000_017

const makeUpWallets = (count: number, random: Random): string[] =>
  Array.from({ length: count }, () => `0x${random.hex(40)}`)

/** Draws from sequences of its own: whoever trades, and whatever a source misses, the books are the same. */
export const createTradeLedger = ({ seed, walletCount, faults, now }: TradeLedgerOptions): TradeLedger => {
  const choice = createRandom(subSeed(seed, WALLET_SEED))
  const fates = createRandom(subSeed(seed, FATE_SEED))
  const wallets = makeUpWallets(walletCount, choice)
  const trades: LedgerTrade[] = []
  const activities: LedgerActivity[] = []
  const holdings = createHoldings()
  const listedTrades = createListing<LedgerTrade>(now)
  const listedActivities = createListing<LedgerActivity>(now)
  return {
    trades,
    activities,
    faults,
    holdings,
    listedTrades,
    listedActivities,
    // Squared: a few wallets trade much, most little.
    wallet: () => wallets[Math.floor(choice.next() ** 2 * wallets.length)] ?? '',
    fate: () => fateOf(faults, fates),
    record: (given, { missedBy, lateMs }) => {
      const trade = { ...given, missedBy }
      trades.push(trade)
      const size = toMillionths(trade.size) ?? 0
      holdings.add(trade.wallet, trade.token, trade.side === 'BUY' ? size : -size)
      if (missedBy !== 'data_api') listedTrades.add(trade, now() + lateMs)
    },
    act: (activity) => {
      activities.push(activity)
      listedActivities.add(activity, now() + fateOf(faults, fates).lateMs)
    },
  }
}
