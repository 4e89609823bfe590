import { parseInstant } from '../polytape/instant.ts'
import { parseWords, UsageError } from '../polytape/usage.ts'

export const USAGE = `usage: npm run backfill -- trades --market <id or slug> --from <time> [--to <time>]

Reads the fills of a market from the venue's history, through the same stream and tables as
live ones: what is there already stays as it is. Runs as the Temporal workflow
backfillTrades:<market>:<from>:<to>; Ctrl-C leaves it running, and prints the command that
shows it again. Times are UTC, e.g. 2026-11-01, "2026-11-01 12:30", 2h (ago); --to is now by default.`

/** Texts of instants, as the workflow takes them; `to` is left out for now. */
export type Command = { type: 'help' } | { type: 'trades'; market: string; from: string; to: string | undefined }

const options = {
  market: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const needed = (option: string, text: string | undefined): string => {
  if (text === undefined || text === '') throw new UsageError(`${option}: expected a value, got nothing`)
  return text
}

/** @throws UsageError, or Error where an instant is none. */
export const parseCommand = (args: string[], nowMs: number): Command => {
  const { values, positionals } = parseWords(args, options)
  if (values.help || args.length === 0) return { type: 'help' }
  if (positionals.join(' ') !== 'trades') {
    throw new UsageError(`expected "trades", got "${positionals.join(' ')}"`)
  }
  const fromTimeMs = parseInstant('--from', needed('--from', values.from), nowMs)
  const toTimeMs = values.to === undefined ? undefined : parseInstant('--to', values.to, nowMs)
  if (fromTimeMs > (toTimeMs ?? nowMs)) throw new UsageError('--from: expected a time before --to')
  const to = toTimeMs === undefined ? undefined : new Date(toTimeMs).toISOString()
  return { type: 'trades', market: needed('--market', values.market), from: new Date(fromTimeMs).toISOString(), to }
}
