import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { atMost, figure, type Figure } from '../support/figure.ts'
import { openLoad } from '../support/load.ts'
import { counted } from '../support/look.ts'
import type { Scenario } from '../support/scenario.ts'

const MARKETS = 200
const RATE = 5_000
const LINGER_MS = 50
const WARM_UP_MS = 10_000
const MOST_TOLD = 8

type Tally = Map<string, number>

type Commands = {
  /** Sent by a client, each a round trip or a place in a pipeline. */
  calls: Tally
  /** Run by scripts within Redis. */
  inner: Tally
}

const add = (tally: Tally, name: string): void => void tally.set(name, (tally.get(name) ?? 0) + 1)
const sum = (tally: Tally): number => [...tally.values()].reduce((total, count) => total + count, 0)

/** Every command that Redis runs while `wait` lasts: this process sends none meanwhile. */
const watchCommands = async (redis: Redis, wait: () => Promise<unknown>): Promise<Commands> => {
  const commands: Commands = { calls: new Map(), inner: new Map() }
  const monitor = await redis.monitor()
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    add(source === 'lua' ? commands.inner : commands.calls, (args[0] ?? '').toLowerCase())
  })
  await wait()
  monitor.disconnect()
  return commands
}

const perFrame = (tally: Tally, frames: number): Figure[] =>
  [...tally]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, MOST_TOLD)
    .map(([name, count]) => figure(`  ${name}`, (count / frames) * 1_000, 'a thousand frames'))

export const redisCalls: Scenario = {
  name: 'redis-calls',
  what: `Redis calls a frame, ${RATE.toLocaleString('en-US')} frames/s over ${MARKETS} markets with INGEST_LINGER_MS=${LINGER_MS}`,
  run: async ({ isQuick, seconds, shards }) => {
    await using load = await openLoad({ markets: MARKETS, shards, env: { INGEST_LINGER_MS: String(LINGER_MS) } })
    await load.setRate(RATE)
    await sleep(WARM_UP_MS)
    const lastingMs = (seconds ?? (isQuick ? 5 : 20)) * 1_000
    const before = await load.look()
    const { calls, inner } = await watchCommands(load.recording.system.redis(), () => sleep(lastingMs))
    const now = await load.look()
    const frames = (counted(before.feed, now.feed, 'frames') * lastingMs) / (now.timeMs - before.timeMs)
    const note = `by MONITOR, ${Math.round(frames).toLocaleString('en-US')} frames`
    return [
      figure('calls a frame', sum(calls) / frames, '', { bound: atMost(0.2), note }),
      ...perFrame(calls, frames),
      figure('commands within scripts a frame', sum(inner) / frames, ''),
      ...perFrame(inner, frames),
    ]
  },
}
