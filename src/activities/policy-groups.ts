import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type { Market } from '../domain/market.ts'
import type { MarketNames } from '../domain/policy.ts'
import type { Logger } from '../lib/log.ts'
import type { GammaClient } from '../venue/polymarket/gamma-reads.ts'
import { readPages } from './pages.ts'
import type { CataloguePublisher } from './publish-catalogue.ts'

type GroupDeps = { gamma: GammaClient; publisher: CataloguePublisher; log: Logger }

/** `isCut`: the listing ended before its last page, so a market that is missing may belong to it all the same. */
export type Group = { markets: Market[]; isCut: boolean }

/** The markets of one name; undefined where the venue has nothing of that name. */
type ReadGroup = (name: string) => Promise<Group | undefined>

export type GroupReaders = Record<keyof MarketNames, ReadGroup> & {
  /** By 24 h volume, until they are enough. */
  ranked(isEnough: (markets: Market[]) => boolean): Promise<Group>
}

const PAGE_SIZE = 100
/** As many open markets as the whole venue had in May 2026. */
const MOST_PAGES = 500

type Listing<T> = {
  read: (cursor: string | undefined) => Promise<{ items: T[]; nextCursor: string | undefined }>
  objectsOf: (items: T[]) => unknown[]
  isEnough?: (markets: Market[]) => boolean
}

/** Publishes what is read, so that each market is in Postgres before its first book. */
const createListings = ({ publisher, log }: GroupDeps) => {
  const published = async (objects: unknown[]): Promise<Market[]> => {
    const { markets } = await publisher.publish(objects)
    heartbeat()
    return markets
  }
  const paged = async <T>({ read, objectsOf, isEnough }: Listing<T>): Promise<Group> => {
    const markets: Market[] = []
    const take = async (items: T[]): Promise<'enough' | 'more'> => {
      markets.push(...(await published(objectsOf(items))))
      return isEnough?.(markets) === true ? 'enough' : 'more'
    }
    const { count } = await readPages({ limit: PAGE_SIZE, mostPages: MOST_PAGES, read, take })
    if (count.isCut) log.warn(count, 'a listing of the venue ended before its last page: nothing is ended by it')
    return { markets, isCut: count.isCut }
  }
  return { published, paged }
}

/** How the markets of each kind of name are read. */
export const createGroupReaders = (deps: GroupDeps): GroupReaders => {
  const { gamma } = deps
  const { published, paged } = createListings(deps)
  const openMarkets = (order: 'id' | 'volume24hr', tagId?: string): Listing<unknown> => ({
    read: async (cursor) => {
      const query = { limit: PAGE_SIZE, order, cursor, ...(tagId === undefined ? {} : { tagId }) }
      const { markets: items, nextCursor } = await gamma.openMarkets(query, cancellationSignal())
      return { items, nextCursor }
    },
    objectsOf: (items) => items,
  })
  return {
    markets: async (key) => {
      const object = await gamma.market(key, cancellationSignal())
      const markets = object === undefined ? [] : await published([object])
      return markets.length === 0 ? undefined : { markets, isCut: false }
    },
    events: async (slug) => {
      const event = await gamma.event(slug, cancellationSignal())
      return event === undefined ? undefined : { markets: await published(event.markets), isCut: false }
    },
    series: async (slug) => {
      const seriesId = await gamma.seriesId(slug, cancellationSignal())
      if (seriesId === undefined) return undefined
      return paged({
        read: async (cursor) => {
          const page = await gamma.seriesEvents({ limit: PAGE_SIZE, cursor, seriesId }, cancellationSignal())
          return { items: page.events, nextCursor: page.nextCursor }
        },
        objectsOf: (events) => events.flatMap(({ markets }) => markets),
      })
    },
    tags: async (slug) => {
      const tagId = await gamma.tagId(slug, cancellationSignal())
      return tagId === undefined ? undefined : paged(openMarkets('id', tagId))
    },
    ranked: (isEnough) => paged({ ...openMarkets('volume24hr'), isEnough }),
  }
}
