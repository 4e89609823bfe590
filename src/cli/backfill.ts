import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client'
import type { BackfillProgress } from '../workflows/backfill-progress.ts'
import { parseCommand, USAGE, type Command } from './backfill/command.ts'
import { progressText } from './backfill/progress-text.ts'
import { openTemporal } from './backfill/temporal.ts'
import { explained } from './polytape/connections.ts'
import { runCommand } from './polytape/usage.ts'

const SHOW_EVERY_MS = 1_000

type Trades = Command & { type: 'trades' }
type Show = (line: string) => void

/** A terminal shows one line that changes, a file every change. */
const createShow = (): Show => {
  let last = ''
  return (line) => {
    if (line === last) return
    last = line
    process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
  }
}

const untilDone = async (handle: WorkflowHandle, show: Show): Promise<BackfillProgress> => {
  let isDone = false
  const ending = handle.result().finally(() => (isDone = true))
  ending.catch(() => undefined)
  while (!isDone) {
    // Without a control worker nobody answers: it is asked again.
    const progress = await handle.query<BackfillProgress>('progress').catch(() => undefined)
    show(progress === undefined ? 'waiting for a control worker' : progressText(progress))
    await Promise.race([sleep(SHOW_EVERY_MS), ending.catch(() => undefined)])
  }
  const progress: BackfillProgress = await ending
  show(progressText(progress))
  return progress
}

const reasonOf = (error: unknown): string => {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined
  return cause?.message ?? explained(error)
}

const backfillTrades = async ({ market, from, to }: Trades): Promise<void> => {
  await using temporal = await openTemporal(process.env)
  const workflowId = `backfillTrades:${market}:${from}:${to ?? 'now'}`
  const handle = await temporal.client.workflow.start('backfillTrades', {
    taskQueue: 'control',
    workflowId,
    args: [{ market, from, ...(to === undefined ? {} : { to }) }],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Fills of ${market} since ${from}`,
  })
  process.once('SIGINT', () => {
    const again = `npm run backfill -- trades --market ${market} --from ${from}${to === undefined ? '' : ` --to ${to}`}`
    console.log(`\nit goes on as ${workflowId}; \`${again}\` shows it again`)
    process.exit(130)
  })
  await untilDone(handle, createShow())
  if (process.stdout.isTTY) console.log()
}

const main = async (): Promise<number> => {
  const command = parseCommand(process.argv.slice(2), Date.now())
  if (command.type === 'help') console.log(USAGE)
  else await backfillTrades(command)
  return 0
}

process.exitCode = await runCommand({ name: 'backfill', usage: USAGE, reasonOf }, main)
