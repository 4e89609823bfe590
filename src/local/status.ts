import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { addressLines, type AddressFacts } from './addresses-text.ts'
import { takeSample } from './figures.ts'
import type { KeptProcess } from './kept-process.ts'
import type { Screen } from './screen.ts'
import { statusBlock, statusLine, type Looks, type Shown } from './status-text.ts'

const DRAW_EVERY_MS = 1_000
const LINE_EVERY_MS = 5_000

export type StatusParts = { screen: Screen; addresses: AddressFacts; kept: KeptProcess[]; venue: string }

const connectPatiently = (url: string): Redis => {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, enableOfflineQueue: false, retryStrategy: () => 500 })
  redis.on('error', () => undefined)
  return redis
}

/** Keeps the last look while Redis is away: the screen must not depend on what it watches. */
const look = async (redis: Redis, looks: Looks): Promise<Looks> => {
  try {
    return { now: await takeSample(redis, looks.now), before: looks.now }
  } catch {
    return looks
  }
}

type Show = (shown: Shown, columns: number) => void

const showBlock =
  ({ screen, addresses }: StatusParts): Show =>
  (shown, columns) =>
    screen.draw([...statusBlock(shown, columns), '', ...addressLines(addresses, shown.now?.quoteKey)])

/** Addresses once; the commands with a real market as soon as there is one. */
const showLines = ({ screen, addresses }: StatusParts): Show => {
  const said = new Set<string>()
  return (shown) => {
    for (const line of addressLines(addresses, shown.now?.quoteKey)) {
      if (!said.has(line)) screen.say(line)
      said.add(line)
    }
    screen.say(statusLine(shown))
  }
}

/** Shows what is recorded until the signal ends it. */
export const showStatus = async (
  parts: StatusParts,
  terminal: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> => {
  const redis = connectPatiently(parts.addresses.facts.redisUrl)
  const everyMs = terminal.isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS
  const show = terminal.isTTY ? showBlock(parts) : showLines(parts)
  const startedTimeMs = Date.now()
  let looks: Looks = { now: undefined, before: undefined }
  try {
    while (!signal.aborted) {
      looks = await look(redis, looks)
      show({ ...looks, kept: parts.kept, venue: parts.venue, startedTimeMs, nowTimeMs: Date.now() }, terminal.columns)
      await sleep(everyMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    redis.disconnect()
  }
}
