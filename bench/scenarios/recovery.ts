import { setTimeout as sleep } from 'node:timers/promises'
import { killOne } from '../../test/support/kills/run.ts'
import { readGaps } from '../../test/support/recording.ts'
import { until } from '../../test/support/system.ts'
import { atMost, figure, type Figure } from '../support/figure.ts'
import { openLoad, type Load } from '../support/load.ts'
import { figuresOf } from '../support/processes.ts'
import type { Scenario } from '../support/scenario.ts'
import { behindText, readBehind, settledCheck } from '../support/settled.ts'

const MARKETS = 200
const RATE = 1_000
/** Live recording is never nearer than a commit. */
const CAUGHT_UP_MS = 500
const STEADY_MS = 10_000
/** Not so often that looking takes what recovers. */
const LOOK_EVERY_MS = 250

type Recovery = { backMs: number; firstCommitMs: number; wholeMs: number }

const LAST_COMMIT = 'select max(updated_at) as "lastTime" from ingestion_offsets'

/** A new connection has a book for every market. */
const OLDEST_COMMIT = `
select min(split_part(last_id, '-', 1)::float8) as "oldestMs" from ingestion_offsets where stream like 'orderbook:%'`

/** From the kill: the process is there again, something new is committed, and every book is proved, told and caught up. */
const timeRecovery = async ({ recording }: Load, name: 'normalizer' | 'feed'): Promise<Recovery> => {
  const { system, pool } = recording
  const redis = system.redis()
  const { timeMs: killedMs } = await killOne(system, name)
  const backMs = Date.now() - killedMs
  const pid = system.pidOf(name)
  await until(`figures of the new ${name}`, async () => (await redis.keys(`stats:${name}:*:${pid}`)).length === 1)
  await until('a commit', async () => {
    const { rows } = await pool.query<{ lastTime: Date }>(LAST_COMMIT)
    return (rows[0]?.lastTime.getTime() ?? 0) > killedMs + backMs || undefined
  })
  const firstCommitMs = Date.now() - killedMs
  await until('all books to be whole', async () => {
    await sleep(LOOK_EVERY_MS)
    const { tokensProved = 0, gapsOpen = 0 } = await figuresOf(system, 'normalizer')
    const { tokensSubscribed = 0 } = await figuresOf(system, 'feed', name === 'feed' ? pid : undefined)
    const { rows } = await pool.query<{ oldestMs: number }>(OLDEST_COMMIT)
    const isHeard = name !== 'feed' || (rows[0]?.oldestMs ?? 0) > killedMs
    const behind = await readBehind(pool, redis)
    const isTold = tokensProved >= 2 * MARKETS && tokensSubscribed >= 2 * MARKETS && gapsOpen === 0 && isHeard
    if (isTold && behind.longestMs <= CAUGHT_UP_MS) return true
    const counts = `${tokensProved} proved, ${tokensSubscribed} subscribed, ${gapsOpen} gaps open`
    throw new Error(`${counts}; ${behindText(behind)}`)
  })
  return { backMs, firstCommitMs, wholeMs: Date.now() - killedMs }
}

const told = (name: string, { backMs, firstCommitMs, wholeMs }: Recovery): Figure[] => [
  figure(`${name} killed: all books proved and caught up`, wholeMs / 1_000, 's', {
    note: 'figures come once a second',
  }),
  figure('  process is started again', backMs / 1_000, 's'),
  figure('  first commit of what is new', firstCommitMs / 1_000, 's'),
]

export const recovery: Scenario = {
  name: 'recovery',
  what: `from kill -9 to all books proved and caught up, ${RATE.toLocaleString('en-US')} frames/s over ${MARKETS} markets`,
  run: async ({ shards, say }) => {
    await using load = await openLoad({ markets: MARKETS, shards, say, venueArgs: ['--unheard'] })
    await load.setRate(RATE)
    await sleep(STEADY_MS)
    const normalizer = told('normalizer', await timeRecovery(load, 'normalizer'))
    const gapsOfNormalizer = (await readGaps(load.recording.pool)).length
    say('the normalizer is back; the feed is killed')
    await sleep(STEADY_MS)
    const feed = told('feed', await timeRecovery(load, 'feed'))
    const gaps = (await readGaps(load.recording.pool)).length - gapsOfNormalizer
    const { wrong, outcomes } = await settledCheck(load.recording)
    return [
      ...normalizer,
      figure('  gaps of it', gapsOfNormalizer, '', {
        bound: atMost(0),
        note: 'what was not read waits in the streams',
      }),
      ...feed,
      figure('  gaps of it', gaps, '', { note: `a book each of ${outcomes}: frames that nobody heard are said` }),
      figure('differences from the ledger', wrong.length, '', { bound: atMost(0), note: wrong.slice(0, 3).join('; ') }),
    ]
  },
}
