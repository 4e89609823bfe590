import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import * as attributes from './attributes.ts'
import { detailsOf } from './market-details.ts'
import type { MarketRecord } from './market-record.ts'
import { stateOf, statusOf } from './market-status.ts'

/** Search attributes cost an event each: only on a change. The details for the UI cost none. */
export const show = (market: MarketRecord): void => {
  const shown = workflowInfo().typedSearchAttributes
  const wanted = [
    { key: attributes.MARKET_STATE, value: stateOf(market) },
    { key: attributes.MARKET_SLUG, value: market.card?.slug },
    { key: attributes.FEED_GROUP, value: market.group === undefined ? undefined : String(market.group) },
  ]
  const changes = wanted.flatMap(({ key, value }) =>
    value === undefined || value === '' || shown.get(key) === value ? [] : [{ key, value }],
  )
  if (changes.length > 0) upsertSearchAttributes(changes)
  setCurrentDetails(detailsOf(statusOf(market, Date.now()), market.observed))
}
