import type { Redis } from 'ioredis'
import type { FillNews } from '../domain/fill.ts'
import { FILLS_CHANNEL } from '../domain/keys.ts'

/** In the spelling of the channel `quotes`: what is absent is an empty text, times are epoch ms as text. */
const toText = (news: FillNews): string =>
  JSON.stringify({
    fill_id: news.fillId,
    market_id: news.marketId,
    outcome_id: news.outcomeId,
    side: news.side,
    price: news.priceText,
    size: news.sizeText,
    tx_hash: news.transactionHash ?? '',
    ordinal: news.ordinal,
    wallet: news.wallet ?? '',
    source: news.source,
    status: news.status,
    source_ts: String(news.exchangeTimeMs),
    captured_at: String(news.capturedTimeMs),
  })

/** Messages on their way. A Redis that does not answer takes no frames either, so that little comes on top of them. */
const MOST_UNDER_WAY = 10_000

/** Publishes what is new in `fills`; returns how many messages did not reach Redis. Never rejects. */
export const createFillChannel = (redis: Redis) => {
  let underWayCount = 0

  const publish = async (news: FillNews[]): Promise<number> => {
    const pipeline = redis.pipeline()
    for (const one of news) pipeline.publish(FILLS_CHANNEL, toText(one))
    const answers = (await pipeline.exec()) ?? []
    return news.length - answers.filter(([error]) => error === null).length
  }

  return async (news: FillNews[]): Promise<number> => {
    if (news.length === 0) return 0
    if (underWayCount >= MOST_UNDER_WAY) return news.length
    underWayCount += news.length
    try {
      return await publish(news)
    } catch {
      return news.length
    } finally {
      underWayCount -= news.length
    }
  }
}
