import type { Activities } from './activities.ts'
import { orderBatch, takerOrder, type ActionOptions } from './actions.ts'
import type { Catalogue } from './catalogue.ts'
import { tickSizeFrame } from './frame.ts'
import { createLateTrades } from './late-trades.ts'
import { setTickSize, stamp, type VenueMarket } from './market.ts'
import { createRandom, subSeed, type Random } from './random.ts'
import type { TradeLedger } from './trade-ledger.ts'

export type FlowOptions = Pick<ActionOptions, 'outbox' | 'levelCount' | 'tradeShare'> & {
  catalogue: Catalogue
  ledger: TradeLedger
  activities: Activities
  seed: number
  /** Markets that once had a subscriber go on without one, as the venue's do. */
  isUnheard: boolean
  /** Epoch ms. */
  now: () => number
}

export type Flow = {
  /** One action on one subscribed market: a batch or a trade. Returns the frames sent; 0 when nobody is subscribed. */
  step(): number
  /** Sends the late `last_trade_price`s that are due. Returns the frames sent. */
  settle(): number
  /** To be called when subscriptions changed. */
  refresh(): void
  changeTickSize(market: VenueMarket, tickSize: string): void
}

const MAX_ACTIONS_A_STEP = 50
/** What an action counts where nobody hears it: about what it sends to one connection that hears quotes. */
const UNHEARD_FRAMES = 3
const CHOICE_SEED = 1_000_003
const MARKET_SEEDS = 5_000_000

/** Each market draws from a sequence of its own: what it does depends on no other market. */
const createRandoms = (catalogue: Catalogue, seed: number): ((market: VenueMarket) => Random) => {
  const randoms = new Map<VenueMarket, Random>()
  return (market) => {
    const known = randoms.get(market)
    if (known !== undefined) return known
    const random = createRandom(subSeed(seed, MARKET_SEEDS + catalogue.markets.indexOf(market)))
    randoms.set(market, random)
    return random
  }
}

const createEngineClock = (now: () => number): ((market: VenueMarket) => string) => {
  const lastTimesMs = new Map<VenueMarket, number>()
  return (market) => {
    const timeMs = Math.max(now(), lastTimesMs.get(market) ?? 0)
    lastTimesMs.set(market, timeMs)
    return String(timeMs)
  }
}

export const createFlow = (options: FlowOptions): Flow => {
  const { catalogue, outbox, now } = options
  const choice = createRandom(subSeed(options.seed, CHOICE_SEED))
  const randomOf = createRandoms(catalogue, options.seed)
  const late = createLateTrades(options)
  const engineTime = createEngineClock(now)
  const actionOptions: ActionOptions = { ...options, late, engineTime, tradeFaults: options.ledger.faults }
  const everHeard = new Set<VenueMarket>()
  let active: VenueMarket[] = []

  const act = (market: VenueMarket): number => {
    const random = randomOf(market)
    const action = random.chance(options.tradeShare) ? takerOrder : orderBatch
    return action(market, random, actionOptions)
  }

  return {
    step: () => {
      for (let actions = 0; active.length > 0 && actions < MAX_ACTIONS_A_STEP; actions++) {
        // Squared: a few markets are busy, most are quiet.
        const market = active[Math.floor(choice.next() ** 2 * active.length)]
        if (market === undefined || market.bookFromTimeMs > now()) continue
        const sentCount = act(market)
        options.activities.step(market)
        if (market.subscribers.length === 0) return UNHEARD_FRAMES
        if (sentCount > 0) return sentCount
      }
      return 0
    },
    settle: () => late.settle(),
    refresh: () => {
      for (const market of catalogue.markets) if (market.subscribers.length > 0) everHeard.add(market)
      active = catalogue.markets.filter(
        (market) => !market.closed && (market.subscribers.length > 0 || (options.isUnheard && everHeard.has(market))),
      )
    },
    changeTickSize: (market, tickSize) => {
      const oldTickSize = market.tickSize
      setTickSize(market, tickSize)
      stamp(market, engineTime(market))
      for (const token of market.tokens) outbox.deliver(tickSizeFrame(token, oldTickSize))
    },
  }
}
