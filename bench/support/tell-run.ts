import { figure, type Figure } from './figure.ts'
import { stagePercentile } from './stages.ts'
import { counted, cpuBetween, secondsBetween, sumOfOurs, type Look } from './look.ts'

const PROOFS = [
  ['batches proved', 'batchesVerified'],
  ['batches unverifiable', 'batchesUnverifiable'],
  ['batches mismatched', 'batchesMismatched'],
  ['gaps', 'gaps'],
] as const

export const PERCENTS = [50, 90, 99, 99.9, 100] as const

export const percentName = (percent: number): string => (percent === 100 ? 'max' : `p${percent}`)

const STAGES = ['receive', 'read', 'apply', 'show', 'write'] as const

/** Where the time between the venue and a commit goes: receive by the feed, read, apply, show in the cache, write to Postgres. */
export const stageFigures = (before: Look, now: Look): Figure[] =>
  STAGES.map((stage) => {
    const of = (percent: number): number | undefined =>
      stagePercentile(before.normalizer, now.normalizer, stage, percent)
    const note = PERCENTS.slice(1).map((percent) => `${percentName(percent)} ${of(percent) ?? '–'}`)
    return figure(`  of it: ${stage} p50`, of(50), 'ms', { note: note.join(', ') })
  })

/** Frames and rows a second, and what was proved of them. */
export const flowFigures = (before: Look, now: Look): Figure[] => {
  const since = (name: string): number => counted(before.normalizer, now.normalizer, name)
  const aSecond = (name: string): number => since(name) / secondsBetween(before, now)
  const cpuSeconds = cpuBetween(before, now).get('normalizer') ?? 0
  return [
    figure('frames applied', aSecond('frames'), 'frames/s'),
    figure('rows written', aSecond('rows'), 'rows/s', { note: `${aSecond('commits').toFixed(1)} commits/s` }),
    ...PROOFS.map(([name, counter]) => figure(name, since(counter), '')),
    figure('normalizer: time in hashes', (since('verifyMs') / (cpuSeconds * 1_000)) * 100, '% of its CPU'),
  ]
}

/** CPU and memory by process: in percent of a core, and for a million frames. */
export const costFigures = (before: Look, now: Look): Figure[] => {
  const seconds = secondsBetween(before, now)
  const millions = counted(before.normalizer, now.normalizer, 'frames') / 1e6
  const cpu = cpuBetween(before, now)
  const percent = (spent: number): string => `${((spent / seconds) * 100).toFixed(1)} % of a core`
  const byProcess = [...cpu].map(([name, spent]) => {
    const memory = now.memory.get(name)
    const note = `${percent(spent)}, memory ${memory?.nowMb ?? 0} MB, at most ${memory?.highestMb ?? 0} MB`
    return figure(`  ${name}`, spent / millions, 'CPU s/M frames', { note })
  })
  const known = [...cpu.values()].reduce((sum, spent) => sum + spent, 0)
  const others = now.busy - before.busy - known
  const stolen = percent(now.stolen - before.stolen)
  return [
    figure('CPU of control, feed, normalizer, archive', sumOfOurs(cpu) / millions, 'CPU s/M frames'),
    ...byProcess,
    figure('  everything else on the machine', others / millions, 'CPU s/M frames', {
      note: `${percent(others)}; stolen by the host ${stolen}`,
    }),
  ]
}

/** What our roles take of one core, in percent. */
export const ourPercent = (before: Look, now: Look): number =>
  (sumOfOurs(cpuBetween(before, now)) / secondsBetween(before, now)) * 100
