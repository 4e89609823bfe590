import { createHash } from 'node:crypto'
import type { WorkflowStartOptions } from '@temporalio/client'
import { shownOrigin } from '../../domain/import-origin.ts'
import { follow, reasonOf } from '../backfill/follow.ts'
import { openTemporal } from '../backfill/temporal.ts'
import { openDatabase } from './connections.ts'
import { findMarket } from './find-market.ts'
import type { ImportCommand } from './import-command.ts'
import { importText } from './import-text.ts'
import { findPlaces } from './places.ts'

type Run = { type: 'importPmxt' | 'importPrices'; workflowId: string; input: object; staticSummary: string }

/** Ids of markets as a person names them. */
const idsOf = async (names: string[]): Promise<string[]> => {
  if (names.length === 0) return []
  await using database = await openDatabase(findPlaces(process.env).database)
  const ids: string[] = []
  for (const name of names) ids.push((await findMarket(database.client, name)).market.marketId)
  return ids.toSorted()
}

/** One import runs of an address and its markets; what the id does not show of them, it has a digest of. */
export const pmxtId = (origin: string, marketIds: string[]): string => {
  const shown = shownOrigin(origin)
  if (shown === origin && marketIds.length === 0) return `importPmxt:${shown}`
  const rest = `${shown === origin ? '' : `${origin} `}${marketIds.join()}`
  return `importPmxt:${shown}:${createHash('sha256').update(rest).digest('hex').slice(0, 8)}`
}

const toRun = async (command: ImportCommand): Promise<Run> => {
  if (command.type === 'prices') {
    const { market, from, to, fidelity } = command
    const input = { market, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), fidelity }
    const workflowId = `importPrices:${market}:${from ?? 'all'}:${to ?? 'now'}`
    return { type: 'importPrices', workflowId, input, staticSummary: `Prices of ${market}` }
  }
  const { origin } = command
  const markets = await idsOf(command.markets)
  const input = { origin, ...(markets.length === 0 ? {} : { markets }) }
  const staticSummary = `Books of ${shownOrigin(origin)}`.slice(0, 200)
  return { type: 'importPmxt', workflowId: pmxtId(origin, markets), input, staticSummary }
}

/** Starts an import, or finds it running, and shows how it stands until it has ended. Ctrl-C leaves it running. */
export const runImport = async (command: ImportCommand): Promise<void> => {
  const { type, workflowId, input, staticSummary } = await toRun(command)
  await using temporal = await openTemporal(process.env)
  const options: WorkflowStartOptions = {
    taskQueue: 'control',
    workflowId,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary,
  }
  const handle = await temporal.client.workflow.start(type, options)
  process.once('SIGINT', () => {
    console.log(`\nit goes on as ${workflowId}; the same command shows it again`)
    process.exit(130)
  })
  try {
    await follow(handle, importText)
  } catch (error) {
    throw new Error(reasonOf(error), { cause: error })
  }
}
