import { fromMillionths, MILLION, toMillionths } from '../domain/decimal.ts'
import type { LedgerActivity } from './ledger.ts'
import type { VenueMarket } from './market.ts'
import { createRandom, subSeed, transactionHashOf } from './random.ts'
import type { TradeLedger } from './trade-ledger.ts'

/** What wallets do to their holdings other than by trades. */
export type Activities = {
  /** At times a wallet splits dollars into both outcomes, or merges both back. */
  step(market: VenueMarket): void
  /** Everyone who holds something of a resolved market redeems it. */
  redeem(market: VenueMarket): void
  /** One that a test asks for; burns and mints nothing. */
  perform(
    given: Pick<LedgerActivity, 'type' | 'wallet' | 'size' | 'usdcSize' | 'outcomeIndex'>,
    market: VenueMarket,
  ): void
}

export type ActivitiesOptions = { seed: number; activityShare: number; ledger: TradeLedger; now: () => number }

const ACTIVITY_SEED = 4_000_037
/** Wallets a market that could merge: those that split last. */
const MOST_SPLITTERS = 50

export const createActivities = ({ seed, activityShare, ledger, now }: ActivitiesOptions): Activities => {
  const random = createRandom(subSeed(seed, ACTIVITY_SEED))
  const splitters = new Map<string, string[]>()
  const { holdings } = ledger
  const perform: Activities['perform'] = (given, { marketId, conditionId }) => {
    const transactionHash = transactionHashOf(random, now())
    ledger.act({ ...given, marketId, conditionId, transactionHash, timestamp: String(now()) })
  }
  const change = (type: 'SPLIT' | 'MERGE', market: VenueMarket, wallet: string, amount: number): void => {
    for (const { token } of market.tokens) holdings.add(wallet, token, type === 'SPLIT' ? amount : -amount)
    const size = fromMillionths(amount)
    perform({ type, wallet, size, usdcSize: size, outcomeIndex: 999 }, market)
  }
  const split = (market: VenueMarket): void => {
    const wallet = ledger.wallet()
    const known = splitters.get(market.marketId) ?? []
    splitters.set(market.marketId, [...known, wallet].slice(-MOST_SPLITTERS))
    change('SPLIT', market, wallet, random.between(1, 100_000) * 10_000)
  }
  const merge = (market: VenueMarket, wallet: string): boolean => {
    const whole = Math.min(...market.tokens.map(({ token }) => holdings.of(wallet, token)))
    if (whole <= 0) return false
    change('MERGE', market, wallet, random.chance(0.3) ? whole : Math.ceil(whole * random.next()))
    return true
  }
  return {
    perform,
    step: (market) => {
      if (market.tokens.length < 2 || !random.chance(activityShare)) return
      const known = splitters.get(market.marketId) ?? []
      const wallet = known[random.between(0, Math.max(known.length - 1, 0))]
      if (wallet === undefined || random.chance(0.5) || !merge(market, wallet)) split(market)
    },
    redeem: (market) => {
      const payouts = market.payouts?.map((payout) => toMillionths(payout) ?? 0) ?? []
      for (const wallet of holdings.holders(market.tokens.map(({ token }) => token))) {
        const held = market.tokens.map(({ token }) => Math.max(holdings.of(wallet, token), 0))
        if (held.every((amount) => amount === 0)) continue
        const paid = held.reduce((sum, amount, at) => sum + Math.floor((amount * (payouts[at] ?? 0)) / MILLION), 0)
        for (const [at, { token }] of market.tokens.entries()) holdings.add(wallet, token, -(held[at] ?? 0))
        const size = fromMillionths(paid)
        perform({ type: 'REDEEM', wallet, size, usdcSize: size, outcomeIndex: 999 }, market)
      }
    },
  }
}
