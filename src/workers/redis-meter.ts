import type { Command, Redis } from 'ioredis'
import { countCacheCommands, HOT_CACHE_SCRIPT } from '../cache/hot-cache-script.ts'
import { ADD_SCRIPT, CHECK_SCRIPT, countAddCommands, countCheckCommands } from '../dedup/seen-scripts.ts'
import { countReportCommands, REPORT_SCRIPT } from '../heartbeats/scripts.ts'
import { scriptNames } from '../lib/redis-script.ts'
import type { CountCommands } from '../lib/script-commands.ts'
import type { Stats } from '../lib/stats.ts'
import { createTraffic } from '../lib/traffic.ts'
import { inFamily } from '../metrics/row.ts'
import { APPEND_SCRIPT, countAppendCommands } from '../stream/append-script.ts'

/** Those that run often; another one counts a command a key. */
const COUNTED: [script: string, count: CountCommands][] = [
  [APPEND_SCRIPT, countAppendCommands],
  [HOT_CACHE_SCRIPT, countCacheCommands],
  [CHECK_SCRIPT, countCheckCommands],
  [ADD_SCRIPT, countAddCommands],
  [REPORT_SCRIPT, countReportCommands],
]

const COUNTS: ReadonlyMap<unknown, CountCommands> = new Map(
  COUNTED.flatMap(([script, count]) => scriptNames(script).map((name): [string, CountCommands] => [name, count])),
)

/** Commands that a script runs besides itself. */
const scriptCommands = ({ name, args }: Pick<Command, 'name' | 'args'>): number => {
  if (name !== 'evalsha' && name !== 'eval') return 0
  const keyCount = Number(args[1])
  const valueCount = args.length - 2 - keyCount
  return COUNTS.get(args[0])?.({ keyCount, valueCount, args }) ?? keyCount
}

/** Redis begins its errors with a word in capitals; whatever else fails is a matter of the connection. */
const redisErrorClass = (error: Error): string => /^[A-Z]{2,}\b/.exec(error.message)?.[0].toLowerCase() ?? 'connection'

/** What is not connected keeps its commands, and sends them through the same function later. */
const isSending = ({ status }: Redis): boolean => status === 'ready' || status === 'connect'

/** Commands of before it is ready wait in the client all the same, but for the few of the handshake. */
const isWritten = ({ status, stream }: Redis): boolean => status === 'ready' && stream.writable

/** What had been sent and was not answered when the connection broke is sent once more, on the next one. */
const createRetryCount = (stats: Stats): ((command: Command) => void) => {
  const written = new WeakSet<Command>()
  return (command) => {
    if (written.has(command)) stats.count('redisRetries')
    written.add(command)
  }
}

/** Counts what goes over connections to Redis, at one place for all that use them: some 100 ns a command. */
export const createRedisMeter = (stats: Stats): ((redis: Redis) => void) => {
  const traffic = createTraffic()
  const countRetry = createRetryCount(stats)
  stats.tally(() => traffic.read().map(([way, bytes]) => [inFamily('redisBytes', way), bytes]))

  const countSent = (command: Command): void => {
    stats.count(inFamily('redisCalls', command.name))
    stats.count('redis:commands', 1 + scriptCommands(command))
  }
  /** Those that waited for a connection, or lost theirs, come again: each fails once. */
  const watched = new WeakSet<Command>()
  const watch = (command: Command): void => {
    // The client introduces itself by CLIENT SETINFO, which a Redis before 7.2 refuses, and goes on.
    if (command.name === 'client' || watched.has(command)) return
    watched.add(command)
    const { reject } = command
    command.reject = (error) => {
      stats.count(inFamily('redisErrors', redisErrorClass(error)))
      reject(error)
    }
  }

  /** Whatever is written for a pipeline goes out together. */
  const pipelines = new WeakSet()
  const isRoundTrip = (pipeline: object | undefined): boolean => {
    if (pipeline === undefined) return true
    const isFirst = !pipelines.has(pipeline)
    pipelines.add(pipeline)
    return isFirst
  }

  return (redis) => {
    const send = redis.sendCommand.bind(redis)
    redis.sendCommand = (command, stream) => {
      watch(command)
      if (isWritten(redis)) countRetry(command)
      if (isSending(redis)) {
        countSent(command)
        if (isRoundTrip(stream)) stats.count('redis:roundTrips')
      }
      return send(command, stream)
    }
    redis.on('connect', () => traffic.add(redis.stream))
  }
}
