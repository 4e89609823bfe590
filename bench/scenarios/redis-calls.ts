import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { atMost, figure, type Figure } from '../support/figure.ts'
import { openLoad } from '../support/load.ts'
import type { Scenario } from '../support/scenario.ts'

const MARKETS = 200
const RATE = 5_000
const LINGER_MS = 50
const WARM_UP_MS = 10_000
const MOST_TOLD = 12

type Tally = Map<string, number>

const BEGIN = 'bench: begin'
const END = 'bench: end'

type Watched = {
  /** Sent by a client, each a round trip or a place in a pipeline. */
  calls: Tally
  /** Run by scripts within Redis. */
  inner: Tally
  /** That were appended. */
  frames: number
}

const add = (tally: Tally, name: string): void => void tally.set(name, (tally.get(name) ?? 0) + 1)
const sum = (tally: Tally): number => [...tally.values()].reduce((total, count) => total + count, 0)

/** The header of an entry has a part a frame. */
const framesOf = (args: string[]): number => {
  const at = args.indexOf('h')
  return at === -1 ? 0 : (args[at + 1] ?? '').split(',').length
}

/**
 * Every command that Redis runs while `wait` lasts: this process sends none meanwhile. What is watched comes late where the machine
 * is busy, so what counts lies between two marks.
 */
const watchCommands = async (redis: Redis, wait: () => Promise<unknown>): Promise<Watched> => {
  const watched: Watched = { calls: new Map(), inner: new Map(), frames: 0 }
  let isCounting = false
  let ended = (): void => undefined
  const end = new Promise<void>((resolve) => (ended = resolve))
  const monitor = await redis.monitor()
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    const name = (args[0] ?? '').toLowerCase()
    if (name === 'echo') {
      isCounting = args[1] === BEGIN
      if (args[1] === END) ended()
    } else if (isCounting) {
      add(source === 'lua' ? watched.inner : watched.calls, name)
      if (name === 'xadd') watched.frames += framesOf(args)
    }
  })
  await redis.echo(BEGIN)
  await wait()
  await redis.echo(END)
  await end
  monitor.disconnect()
  return watched
}

const perFrame = (tally: Tally, frames: number): Figure[] =>
  [...tally]
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, MOST_TOLD)
    .map(([name, count]) => figure(`  ${name}`, (count / frames) * 1_000, '/1,000 frames'))

export const redisCalls: Scenario = {
  name: 'redis-calls',
  what: `Redis calls a frame, ${RATE.toLocaleString('en-US')} frames/s over ${MARKETS} markets with INGEST_LINGER_MS=${LINGER_MS}`,
  run: async ({ isQuick, seconds, shards, say }) => {
    await using load = await openLoad({ markets: MARKETS, shards, env: { INGEST_LINGER_MS: String(LINGER_MS) }, say })
    await load.setRate(RATE)
    await sleep(WARM_UP_MS)
    const lastingMs = (seconds ?? (isQuick ? 5 : 20)) * 1_000
    const redis = load.recording.system.redis()
    const { calls, inner, frames } = await watchCommands(redis, () => sleep(lastingMs))
    const note = `by MONITOR, ${frames.toLocaleString('en-US')} frames in ${lastingMs / 1_000} s`
    return [
      figure('calls a frame', sum(calls) / frames, '', { bound: atMost(0.2), note }),
      ...perFrame(calls, frames),
      figure('commands within scripts a frame', sum(inner) / frames, ''),
      ...perFrame(inner, frames),
    ]
  },
}
