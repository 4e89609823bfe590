import { setTimeout as sleep } from 'node:timers/promises'
import { readRoles } from '../../test/support/recording.ts'
import { atLeast, atMost, figure, type Bound, type Figure } from '../support/figure.ts'
import { forceWork, readWork, type WorkDone } from '../support/forced-work.ts'
import { openLoad, type Load } from '../support/load.ts'
import { counted, isOurs, secondsBetween, type Look } from '../support/look.ts'
import { loadOfMinute } from '../support/machine.ts'
import { heldMb } from '../support/processes.ts'
import { settledCheck } from '../support/settled.ts'
import { growthPercent, type Point } from '../support/statistics.ts'
import { readGapTimes, unexplainedGaps } from '../support/unexplained-gaps.ts'

export type SteadyOptions = {
  minutes: number
  rate: number
  markets: number
  shards: number
  /** Until every process has what it needs; what it grows before that is not judged. */
  warmUpMinutes: number
  workEveryMinutes: number
  /** Of the day that each forced run archives. */
  archivedRows: number
}

const MINUTE_MS = 60_000
const SAMPLE_MS = 10_000
const MOST_GROWTH_PERCENT = 5
/** Of the asked rate. */
const LEAST_RATE = 0.97

type Memories = Map<string, Point[]>

const sampleMemory = (load: Load, memories: Memories): void => {
  for (const { name, pid } of load.processes()) {
    const points = memories.get(name) ?? []
    points.push({ timeMs: Date.now(), value: heldMb(pid) })
    memories.set(name, points)
  }
}

/** Samples, and forces work now and then; resolves with the rounds that were forced. */
const keepSteady = async (load: Load, options: SteadyOptions, say: (line: string) => void) => {
  const memories: Memories = new Map()
  const startMs = Date.now()
  const everyMs = options.workEveryMinutes * MINUTE_MS
  let rounds = 0
  let forcing: Promise<void> = Promise.resolve()
  for (let nextMs = startMs; Date.now() < startMs + options.minutes * MINUTE_MS; nextMs += SAMPLE_MS) {
    await sleep(Math.max(0, nextMs - Date.now()))
    sampleMemory(load, memories)
    if (Date.now() - startMs < (rounds + 0.5) * everyMs) continue
    await forcing
    const told = [...memories].map(([name, points]) => `${name} ${points.at(-1)?.value.toFixed(0)}`).join(', ')
    say(`${((Date.now() - startMs) / MINUTE_MS).toFixed(1)} min, load ${loadOfMinute()}; MB: ${told}`)
    forcing = forceWork(load.recording.system, rounds, options.archivedRows)
    forcing.catch(() => undefined)
    rounds += 1
  }
  await forcing
  return { memories, rounds, warmMs: startMs + options.warmUpMinutes * MINUTE_MS }
}

/** Databases and the venue fill what they are given or keep what they said; Redis must not, whose streams are trimmed. */
const isJudged = (name: string): boolean => isOurs(name) || name.toLowerCase() === 'redis'

const memoryFigures = (memories: Memories, warmMs: number): Figure[] =>
  [...memories].map(([name, points]) => {
    const [first, last] = [points.find(({ timeMs }) => timeMs >= warmMs)?.value, points.at(-1)?.value]
    const note = `${first?.toFixed(0) ?? '–'} → ${last?.toFixed(0) ?? '–'} MB, ${points.length} looks`
    const bound: { bound?: Bound } = isJudged(name) ? { bound: atMost(MOST_GROWTH_PERCENT) } : {}
    return figure(`memory of ${name}: growth`, growthPercent(points, warmMs), '%', { ...bound, note })
  })

const workFigures = ({ archivedDays, completed, failed }: WorkDone, rounds: number): Figure[] => [
  figure('days archived and proved', archivedDays, '', {
    bound: atLeast(rounds),
    note: `${rounds} times all work was forced`,
  }),
  ...Object.entries(failed).map(([type, count]) =>
    figure(`${type}: failed runs`, count, '', { bound: atMost(0), note: `${completed[type] ?? 0} completed` }),
  ),
]

const flowOf = (before: Look, now: Look, rate: number): Figure[] => {
  const since = (name: string): number => counted(before.normalizer, now.normalizer, name)
  const unproved = since('batchesUnverifiable') + since('batchesMismatched')
  const framesPerSecond = since('frames') / secondsBetween(before, now)
  return [
    figure('frames applied', framesPerSecond, 'frames/s', { bound: atLeast(rate * LEAST_RATE) }),
    figure('batches that were not proved', unproved, '', {
      bound: atMost(0),
      note: `${since('batchesVerified').toLocaleString('en-US')} were`,
    }),
    figure('checks shed', since('checksShed'), ''),
  ]
}

/** Half an hour as any other, with what runs hourly and daily forced in between. */
export const measureSteady = async (options: SteadyOptions, say: (line: string) => void): Promise<Figure[]> => {
  // What is proved may be dropped by the next run: that is work as well.
  await using load = await openLoad({ ...options, env: { ARCHIVE_GRACE_HOURS: '0' }, say })
  await load.setRate(options.rate)
  await sleep(SAMPLE_MS)
  const before = await load.look()
  const { memories, rounds, warmMs } = await keepSteady(load, options, say)
  const now = await load.look()
  const { recording } = load
  const work = await readWork(recording.system)
  const restarts = readRoles(recording.system).reduce((sum, role) => sum + role.restarts, 0)
  const { wrong, outcomes } = await settledCheck(recording)
  const gaps = await readGapTimes(recording.pool)
  const unexplained = unexplainedGaps(await recording.venue.ledger(), gaps)
  return [
    ...memoryFigures(memories, warmMs),
    ...flowOf(before, now, options.rate),
    figure('gaps that the ledger does not explain', unexplained.length, '', {
      bound: atMost(0),
      note: `of ${gaps.length}; ${unexplained.slice(0, 3).map(({ reason, detail }) => `${reason}: ${detail}`).join('; ')}`, // prettier-ignore
    }),
    figure('differences from the ledger', wrong.length, '', {
      bound: atMost(0),
      note: `${outcomes} books; ${wrong.slice(0, 3).join('; ')}`,
    }),
    ...workFigures(work, rounds),
    figure('restarts of a role', restarts, '', { bound: atMost(0) }),
  ]
}
