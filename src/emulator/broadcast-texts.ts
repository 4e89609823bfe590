import { eventSlugOf, type VenueMarket } from './market.ts'

/** Python's `json.dumps` with separators `(", ", ":")`, as the venue's later frames. */
const pythonStyle = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(pythonStyle).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${pythonStyle(item)}`)
    .join(', ')}}`
}

/** Keys and order of the documented `new_market` message; most strings are empty, as in the sample. */
export const newMarketText = (market: VenueMarket, timestamp: string): string => {
  const tokens = market.tokens.map(({ token }) => token)
  return pythonStyle({
    id: market.marketId,
    question: market.question,
    market: market.conditionId,
    slug: market.slug,
    description: '',
    assets_ids: tokens,
    outcomes: market.tokens.map(({ outcome }) => outcome),
    event_message: {
      id: market.eventId,
      ticker: eventSlugOf(market),
      slug: eventSlugOf(market),
      title: `Event ${market.eventId}`,
      description: '',
    },
    timestamp,
    tags: market.tags,
    condition_id: market.conditionId,
    active: false,
    clob_token_ids: tokens,
    sports_market_type: '',
    line: '',
    game_start_time: '',
    order_price_min_tick_size: market.tickSize,
    group_item_title: '',
    taker_base_fee: '0',
    fees_enabled: false,
    fee_schedule: { exponent: '', rate: '', taker_only: false, rebate_rate: '' },
    event_type: 'new_market',
  })
}

export const resolvedText = (market: VenueMarket, winner: number, timestamp: string): string =>
  pythonStyle({
    id: market.marketId,
    market: market.conditionId,
    assets_ids: market.tokens.map(({ token }) => token),
    winning_asset_id: market.tokens[winner]?.token ?? '',
    winning_outcome: market.tokens[winner]?.outcome ?? '',
    timestamp,
    tags: [],
    event_type: 'market_resolved',
  })
