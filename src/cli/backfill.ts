import { parseCommand, USAGE, type Command } from './backfill/command.ts'
import { follow, reasonOf } from './backfill/follow.ts'
import { progressText } from './backfill/progress-text.ts'
import { openTemporal } from './backfill/temporal.ts'
import { runCommand } from './polytape/usage.ts'

type Trades = Command & { type: 'trades' }
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
  await follow(handle, progressText)
}

const main = async (): Promise<number> => {
  const command = parseCommand(process.argv.slice(2), Date.now())
  if (command.type === 'help') console.log(USAGE)
  else await backfillTrades(command)
  return 0
}

process.exitCode = await runCommand({ name: 'backfill', usage: USAGE, reasonOf }, main)
