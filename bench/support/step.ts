import { setTimeout as sleep } from 'node:timers/promises'
import type { Load } from './load.ts'
import { counted, secondsBetween, type Look } from './look.ts'
import { stagePercentile } from './stages.ts'
import { slopePerSecond, type Point } from './statistics.ts'
import type { Step } from './verdict.ts'

/** What a new rate needs until it flows evenly. */
const SETTLE_MS = 5_000
const LOOK_EVERY_MS = 500

export type Taken = { step: Step; before: Look; now: Look }

const backlogOf = ({ timeMs, feed, normalizer }: Look): Point => ({
  timeMs,
  value: (feed['frames'] ?? 0) - (normalizer['frames'] ?? 0),
})

const stepOf = (rate: number, looks: Look[], before: Look, now: Look): Step => {
  const since = (name: string): number => counted(before.normalizer, now.normalizer, name)
  return {
    rate,
    offered: counted(before.feed, now.feed, 'frames') / secondsBetween(before, now),
    backlogSlope: slopePerSecond(looks.map(backlogOf)),
    gaps: since('gaps'),
    verified: since('batchesVerified'),
    unproved: since('batchesUnverifiable') + since('batchesMismatched'),
    shed: since('checksShed'),
    cacheP99Ms: stagePercentile(before.normalizer, now.normalizer, 'cache', 99),
  }
}

/** Keeps a rate up for so long. */
export const takeStep = async (load: Load, rate: number, seconds: number): Promise<Taken> => {
  await load.setRate(rate)
  await sleep(SETTLE_MS)
  const before = await load.look()
  const looks = [before]
  for (const endMs = before.timeMs + seconds * 1_000; Date.now() < endMs;) {
    await sleep(LOOK_EVERY_MS)
    looks.push(await load.look())
  }
  const now = looks.at(-1) ?? before
  return { step: stepOf(rate, looks, before, now), before, now }
}
