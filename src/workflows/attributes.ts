import { defineSearchAttributeKey } from '@temporalio/common'

export const MARKET_STATE = defineSearchAttributeKey('MarketState', 'KEYWORD')
export const MARKET_SLUG = defineSearchAttributeKey('MarketSlug', 'KEYWORD')
export const FEED_GROUP = defineSearchAttributeKey('FeedGroup', 'KEYWORD')
