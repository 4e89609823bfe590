import { readConfig } from '../config.ts'
import { rebuildPositions, type PositionDifference } from '../store/position-rebuild.ts'
import { createTracking } from '../store/positions.ts'
import { openDatabase } from './polytape/connections.ts'
import { findPlaces } from './polytape/places.ts'
import { parseWords, runCommand, UsageError } from './polytape/usage.ts'

const USAGE = `usage: npm run positions -- rebuild [options]

Computes positions anew from all fills and activities that are stored, prints what differs, and
puts it right, while ingestion goes on: a hundred wallets at a time, fewer where they have many
moves, each time in one transaction. With TRACKED_WALLETS, as the normalizer has it, the positions of others go.

  --wallet <0x…>   only this wallet; may be repeated
  --dry-run        print what differs, and change nothing; exits with 1 where something does`

/** A statement reads a page, but on a busy server a page may take its time, and a rebuild is not asked for in passing. */
const NO_TIMEOUT = 0

/** The command was not understood: the usage helps. */
const options = {
  wallet: { type: 'string', multiple: true, default: [] as string[] },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Chosen = { wallets: string[]; isDryRun: boolean }

const readOptions = (args: string[]): Chosen | 'help' => {
  const { values, positionals } = parseWords(args, options)
  if (values.help) return 'help'
  if (positionals.join(' ') !== 'rebuild') throw new UsageError(`expected "rebuild", got "${positionals.join(' ')}"`)
  const wallets = values.wallet.map((wallet) => wallet.toLowerCase())
  const wrong = wallets.find((wallet) => !/^0x[0-9a-f]{40}$/.test(wallet))
  if (wrong !== undefined) throw new UsageError(`--wallet: expected 0x and 40 hex digits, got "${wrong}"`)
  return { wallets, isDryRun: values['dry-run'] }
}

const toLine = ({ wallet, outcomeId, figure, stored, rebuilt }: PositionDifference): string =>
  `${wallet}  ${outcomeId}  ${figure}  ${stored} → ${rebuilt}`

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** Returns how many positions differed. */
const run = async ({ wallets, isDryRun }: Chosen): Promise<number> => {
  const isTracked = createTracking(readConfig(process.env).TRACKED_WALLETS)
  await using database = await openDatabase(findPlaces(process.env).database, NO_TIMEOUT)
  const wrong = new Set<string>()
  let walletCount = 0
  for await (const part of rebuildPositions(database.client, { wallets, isTracked, isDryRun })) {
    walletCount += part.walletCount
    for (const difference of part.differences) {
      wrong.add(`${difference.wallet} ${difference.outcomeId}`)
      console.log(toLine(difference))
    }
  }
  const what = isDryRun ? 'differ from what is stored of them' : 'were put right'
  console.log(`${counted(walletCount, 'wallet')}: ${counted(wrong.size, 'position')} ${what}`)
  return wrong.size
}

const main = async (): Promise<number> => {
  const chosen = readOptions(process.argv.slice(2))
  if (chosen === 'help') {
    console.log(USAGE)
    return 0
  }
  const wrongCount = await run(chosen)
  return chosen.isDryRun && wrongCount > 0 ? 1 : 0
}

process.exitCode = await runCommand({ name: 'positions', usage: USAGE }, main)
