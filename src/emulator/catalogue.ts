import { createBooks } from './opening-book.ts'
import { createMarket, stamp, type VenueMarket, type VenueToken } from './market.ts'
import { createRandom, subSeed, type Random } from './random.ts'

export type CatalogueOptions = {
  marketCount: number
  /** Levels a side. */
  levelCount: number
  seed: number
  /** Token ids to use, two a market, before made-up ones. */
  tokens: string[]
  startTimeMs: number
}

export type Catalogue = {
  readonly markets: VenueMarket[]
  add(market: VenueMarket): void
  /** A further market, made up like the first ones. */
  grow(nowMs: number): VenueMarket
  byKey(key: { marketId: string } | { slug: string } | { conditionId: string }): VenueMarket | undefined
  token(token: string): VenueToken | undefined
}

const SUBJECTS = ['Bitcoin', 'Ethereum', 'the Fed', 'Arsenal', 'the Lakers', 'gold', 'the next film', 'rain in Paris']
const VERBS = ['close above', 'finish below', 'win by', 'reach', 'stay under']
const TAGS = ['politics', 'crypto', 'sports', 'economy', 'weather']
const DAY_MS = 86_400_000

const conditionOf = (random: Random, version: 'v2' | undefined): string =>
  version === undefined ? `0x${random.hex(64)}` : `0x01${random.hex(32).padEnd(62, '0')}`

const makeUp = (index: number, options: CatalogueOptions, nowMs: number): VenueMarket => {
  const random = createRandom(subSeed(options.seed, index))
  const version = index % 10 === 7 ? 'v2' : undefined
  const subject = SUBJECTS[random.between(0, SUBJECTS.length - 1)] ?? ''
  const verb = VERBS[random.between(0, VERBS.length - 1)] ?? ''
  const question = `Will ${subject} ${verb} ${random.between(10, 990)}?`
  const eventIndex = Math.floor(index / 4)
  const outcomes = index % 5 === 3 ? ['Up', 'Down'] : ['Yes', 'No']
  const market = createMarket({
    marketId: String(516_710 + index * 7),
    conditionId: conditionOf(random, version),
    questionId: `0x${random.hex(64)}`,
    slug: `${question
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/-$/, '')}-${index}`,
    question,
    eventId: String(30_000 + eventIndex),
    tags: ['all', TAGS[eventIndex % TAGS.length] ?? ''],
    series: eventIndex % 3 === 0 ? `series-${(eventIndex / 3) % 4}` : undefined,
    tokens: outcomes.map((outcome, side) => ({
      outcome,
      token: options.tokens[index * 2 + side] ?? random.digits(77),
    })),
    tickSize: index % 4 === 2 ? '0.001' : '0.01',
    minOrderSize: '5',
    negRisk: eventIndex % 3 === 1,
    version,
    lastTradePrice: '',
    closed: false,
    listed: 'open',
    payouts: undefined,
    volume24hr: Math.round(random.next() ** 4 * 2_000_000_000) / 1000,
    bookFromTimeMs: 0,
    createdTimeMs: nowMs - random.between(1, 90) * DAY_MS,
    endTimeMs: nowMs + random.between(1, 200) * DAY_MS,
  })
  createBooks(market, options.levelCount, random)
  stamp(market, String(nowMs - random.between(1_000, 900_000)))
  return market
}

/** Every twentieth more is a market that closed: seen with `closed=true` only. */
const close = (market: VenueMarket, nowMs: number): void => {
  market.closed = true
  market.listed = 'resolved'
  market.payouts = Number(market.marketId) % 2 === 0 ? ['1', '0'] : ['0', '1']
  market.endTimeMs = nowMs - DAY_MS
}

export const createEmptyCatalogue = (grow: (nowMs: number) => VenueMarket): Catalogue => {
  const markets: VenueMarket[] = []
  const keys = new Map<string, VenueMarket>()
  const tokens = new Map<string, VenueToken>()
  const add = (market: VenueMarket): void => {
    markets.push(market)
    keys.set(`id ${market.marketId}`, market).set(`slug ${market.slug}`, market)
    keys.set(`condition ${market.conditionId}`, market)
    for (const token of market.tokens) tokens.set(token.token, token)
  }
  return {
    markets,
    add,
    grow: (nowMs) => {
      const market = grow(nowMs)
      add(market)
      return market
    },
    byKey: (key) => {
      if ('marketId' in key) return keys.get(`id ${key.marketId}`)
      return 'slug' in key ? keys.get(`slug ${key.slug}`) : keys.get(`condition ${key.conditionId}`)
    },
    token: (token) => tokens.get(token),
  }
}

export const createCatalogue = (options: CatalogueOptions): Catalogue => {
  let madeCount = 0
  const catalogue = createEmptyCatalogue((nowMs) => makeUp(madeCount++, options, nowMs))
  for (let at = 0; at < options.marketCount; at++) catalogue.grow(options.startTimeMs)
  for (let at = 0; at < Math.ceil(options.marketCount / 20); at++) {
    close(catalogue.grow(options.startTimeMs), options.startTimeMs)
  }
  return catalogue
}
