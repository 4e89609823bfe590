import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, Connection } from '@temporalio/client'
import type { System } from '../../test/support/system.ts'
import { figuresOf } from './processes.ts'

/** Since the start; undefined where it took longer than two minutes. */
export type Live = { firstBookMs: number | undefined; bookMs: number | undefined; workflowMs: number | undefined }

const LONGEST_MS = 120_000
const LOOK_EVERY_MS = 500
/** A count of workflows costs Temporal something: rarely, while thousands of them start. */
const COUNT_EVERY_MS = 1_500
const SAY_EVERY_MS = 5_000

export const secondsText = (ms: number | undefined): string => (ms === undefined ? '–' : (ms / 1_000).toFixed(1))

const LIVE = "WorkflowType='marketSubscription' and MarketState='live'"

/** Until every market has a book that is proved, and a workflow that says so. Figures are published once a second. */
export const untilAllLive = async (
  system: System,
  wanted: number,
  beganMs: number,
  say: (line: string) => void,
): Promise<Live> => {
  const connection = await Connection.connect({ address: system.run().temporalAddress })
  const client = new Client({ connection })
  const live: Live = { firstBookMs: undefined, bookMs: undefined, workflowMs: undefined }
  let [workflows, countedMs, saidMs] = [0, 0, 0]
  while (Date.now() - beganMs < LONGEST_MS && (live.bookMs === undefined || live.workflowMs === undefined)) {
    const { marketsWithBook = 0, tokensProved = 0 } = await figuresOf(system, 'normalizer')
    const elapsedMs = Date.now() - beganMs
    if (tokensProved > 0) live.firstBookMs ??= elapsedMs
    if (marketsWithBook >= wanted && tokensProved >= 2 * wanted) live.bookMs ??= elapsedMs
    if (elapsedMs - countedMs >= COUNT_EVERY_MS) {
      countedMs = elapsedMs
      workflows = (await client.workflow.count(LIVE)).count
      if (workflows >= wanted) live.workflowMs ??= Date.now() - beganMs
    }
    if (elapsedMs - saidMs >= SAY_EVERY_MS) {
      saidMs = elapsedMs
      say(
        `${secondsText(elapsedMs)} s: ${marketsWithBook} markets with books, ${workflows} workflows live, load ${loadavg()[0]}`,
      )
    }
    await sleep(LOOK_EVERY_MS)
  }
  await connection.close()
  return live
}
