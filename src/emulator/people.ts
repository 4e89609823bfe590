import { createActivities, type Activities } from './activities.ts'
import type { Catalogue } from './catalogue.ts'
import type { Controlled } from './control.ts'
import { dataRoutes } from './data-api.ts'
import { createDataFaultQueue, type DataPath } from './data-faults.ts'
import type { Route } from './http.ts'
import { NO_TRADE_FAULTS, type TradeFaults } from './trade-faults.ts'
import { createTradeLedger, type TradeLedger } from './trade-ledger.ts'

/** Who trades at the venue, and what the Data API tells of it. */
export type People = {
  readonly ledger: TradeLedger
  readonly activities: Activities
  /** Requests to the Data API so far. */
  readonly dataRequests: Readonly<Record<DataPath, number>>
  routes(catalogue: Catalogue): Route[]
  control(catalogue: Catalogue): Pick<Controlled, 'disturbTrades' | 'failData' | 'endDataFaults' | 'act'>
}

export type PeopleOptions = {
  seed: number
  walletCount: number
  activityShare: number
  tradeFaults: Partial<TradeFaults>
  now: () => number
}

export const createPeople = (options: PeopleOptions): People => {
  const ledger = createTradeLedger({ ...options, faults: { ...NO_TRADE_FAULTS, ...options.tradeFaults } })
  const activities = createActivities({ ...options, ledger })
  const faults = createDataFaultQueue()
  return {
    ledger,
    activities,
    dataRequests: faults.requests,
    routes: (catalogue) => dataRoutes({ catalogue, ledger, faults }),
    control: (catalogue) => ({
      disturbTrades: (given) => void Object.assign(ledger.faults, given),
      failData: (fault) => (faults.add(fault), fault.count),
      endDataFaults: () => faults.clear(),
      act: ({ marketId, ...activity }) => {
        const market = catalogue.byKey({ marketId })
        if (market !== undefined) activities.perform(activity, market)
        return market === undefined ? 0 : 1
      },
    }),
  }
}
