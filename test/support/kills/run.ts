import { setTimeout as sleep } from 'node:timers/promises'
import { createDice, type Dice } from '../faults/dice.ts'
import { brokenPromises } from '../recorded-truth.ts'
import { openRecording, settleOrTell } from '../recording.ts'
import { until, type System } from '../system.ts'
import { readLosses, type TokenLosses } from '../tape/losses.ts'
import { readLostTrades, type SentTrade } from '../tape/trades.ts'

export type KillRun = {
  markets: number
  /** Frames/s over all markets. */
  rate: number
  kills: number
  seed: number
  say: (line: string) => void
}

type Kill = { name: string; timeMs: number }

export type KillReport = {
  kills: Kill[]
  losses: TokenLosses[]
  trades: { lost: SentTrade[]; invented: string[] }
  broken: string[]
}

const NAMES = ['control', 'feed', 'normalizer', 'redis', 'postgres', 'temporal'] as const
const BACK_WITHIN_MS = 60_000
/** One of so many is killed again as soon as it is back. */
const TWICE_OF = 4

/** Kills a process and waits until it runs again. */
export const killOne = async (system: System, name: string): Promise<Kill> => {
  const pid = system.pidOf(name)
  const kill = { name, timeMs: Date.now() }
  process.kill(pid, 'SIGKILL')
  await until(
    `${name} to be started again`,
    () => {
      const now = system.pidOf(name)
      if (now === pid) return undefined
      process.kill(now, 0)
      return true
    },
    BACK_WITHIN_MS,
  )
  return kill
}

const killMany = async (system: System, dice: Dice, run: KillRun): Promise<Kill[]> => {
  const kills: Kill[] = []
  while (kills.length < run.kills) {
    const name = dice.pick(NAMES)
    kills.push(await killOne(system, name))
    if (kills.length < run.kills && dice.below(TWICE_OF) === 0) kills.push(await killOne(system, name))
    run.say(`${kills.length} of ${run.kills}: ${name} was killed and is back`)
    await sleep(3_000 + dice.below(4_000))
  }
  return kills
}

/** The whole product under load while its processes are killed one after the other, and what its history says then. */
export const runKills = async (run: KillRun): Promise<KillReport> => {
  const { markets, rate, seed, say } = run
  const venueArgs = ['--unheard', '--seed', String(seed)]
  await using recording = await openRecording({ markets, rate, env: {}, venueArgs, isLogged: true })
  const { venue, pool, system } = recording
  say(`${markets} markets are live at ${rate} frames/s, seed ${seed}`)
  await sleep(3_000)
  const kills = await killMany(system, createDice(seed), run)
  await sleep(5_000)
  const ledger = await settleOrTell(recording, say)
  const broken = await brokenPromises(ledger, pool, system.redis())
  const tapes = await venue.tapes()
  return { kills, losses: await readLosses(pool, tapes), trades: await readLostTrades(pool, tapes), broken }
}
