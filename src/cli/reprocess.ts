import { parseArgs } from 'node:util'
import { reprocess, type ReprocessOptions, type ReprocessResult } from '../activities/reprocess.ts'
import { readConfig } from '../config.ts'
import { createAppender } from '../stream/append.ts'
import { loadSigningKeys } from '../workers/signing-keys.ts'
import { openCache, openDatabase } from './polytape/connections.ts'
import { parseInstant } from './polytape/instant.ts'
import { findPlaces } from './polytape/places.ts'
import { runCommand, UsageError } from './polytape/usage.ts'
import { resultTable } from './reprocess/table.ts'

const USAGE = `usage: npm run reprocess -- [options]

Feeds dead letters through the pipeline again, after a fix, and prints what came of each:
trades become fills, catalogue objects and broadcasts are written; an update of a book is
"stale", since a whole book has ended the gap that it left. What is still bad stays where it
is, with the reason. Letters that were applied or found stale are not chosen again.

  --reason <reason>   only these, e.g. bad_message, unroutable, bad_catalogue
  --stream <stream>   only of this stream, e.g. orderbook:516710
  --since <time>      only those first seen since then (UTC; 2h = two hours ago)
  --limit <n>         at most so many, oldest first
  --dry-run           say where each would go, and change nothing
  --trust             also apply entries whose signature does not match: look at them first
  --wait <seconds>    how long to wait for the normalizer (default 30)`

/** The command was not understood: the usage helps. */
const options = {
  reason: { type: 'string' },
  stream: { type: 'string' },
  since: { type: 'string' },
  limit: { type: 'string' },
  wait: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  trust: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const parse = (args: string[]) => {
  try {
    return parseArgs({ args, options, strict: true }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

const wholeNumber = (option: string, text: string | undefined, initial: number): number => {
  if (text === undefined) return initial
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`${option}: expected a whole number, got "${text}"`)
  return Number(text)
}

const readOptions = (args: string[]): ReprocessOptions | 'help' => {
  const { reason, stream, since, limit, wait, trust, help, ...rest } = parse(args)
  if (help) return 'help'
  return {
    reason,
    stream,
    sinceTimeMs: since === undefined ? undefined : parseInstant('--since', since, Date.now()),
    limit: wholeNumber('--limit', limit, Number.MAX_SAFE_INTEGER),
    isDryRun: rest['dry-run'],
    isTrusted: trust,
    waitMs: wholeNumber('--wait', wait, 30) * 1_000,
  }
}

const run = async (chosen: ReprocessOptions): Promise<ReprocessResult[]> => {
  const config = readConfig(process.env)
  const places = findPlaces(process.env)
  await using database = await openDatabase(places.database)
  await using redis = await openCache(places.redis)
  const signing = await loadSigningKeys(config.STREAM_HMAC_KEY, config.POLYTAPE_STATE_DIR, config.STREAM_HMAC_KEYS_OLD)
  const appender = createAppender({ redis: redis.client, signing, shardCount: config.NORMALIZER_SHARDS })
  return await reprocess({ pool: database.client, appender, signing }, chosen)
}

const main = async (): Promise<number> => {
  const chosen = readOptions(process.argv.slice(2))
  if (chosen === 'help') {
    console.log(USAGE)
    return 0
  }
  const results = await run(chosen)
  console.log(resultTable(results))
  return results.some(({ result }) => result === 'waiting') ? 1 : 0
}

process.exitCode = await runCommand({ name: 'reprocess', usage: USAGE }, main)
