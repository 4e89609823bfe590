import { cancellationSignal, heartbeat } from '@temporalio/activity'
import type { GammaClient } from '../venue/polymarket/gamma-reads.ts'
import type { CataloguePublisher, Published } from './publish-catalogue.ts'

type Deps = { gamma: GammaClient; publisher: CataloguePublisher }
type Answered = { ids: string[]; closed: Published; open: Published }

/** Gamma's limit. */
const IDS_A_CALL = 100

/** Asks what the catalogue says of single markets, whether they are closed or open, and publishes it. Heartbeats. */
export async function* publishById({ gamma, publisher }: Deps, marketIds: string[]): AsyncGenerator<Answered> {
  for (let at = 0; at < marketIds.length; at += IDS_A_CALL) {
    const ids = marketIds.slice(at, at + IDS_A_CALL)
    const closed = await publisher.publish(await gamma.marketsById(ids, true, cancellationSignal()))
    const open = await publisher.publish(await gamma.marketsById(ids, false, cancellationSignal()))
    heartbeat()
    yield { ids, closed, open }
  }
}
