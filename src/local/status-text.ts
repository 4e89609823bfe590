import { isShedTier, SHED_TEXTS } from '../domain/shed.ts'
import { countOf, maxOf, newestAgeOf, rateOf, sumOf, type Sample } from './figures.ts'
import type { KeptProcess } from './kept-process.ts'

export type Looks = { now: Sample | undefined; before: Sample | undefined }
export type Shown = Looks & { kept: KeptProcess[]; venue: string; startedTimeMs: number; nowTimeMs: number }

const whole = (value: number | undefined): string =>
  value === undefined ? '–' : Math.round(value).toLocaleString('en-US')

const millis = (value: number | undefined): string => {
  if (value === undefined) return '–'
  return value >= 10_000 ? `${(value / 1_000).toFixed(1)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
}

type Figure = (role: string, name: string) => number | undefined

const newestAge = (now: Sample | undefined): number | undefined =>
  now === undefined ? undefined : (newestAgeOf(now, 'feed') ?? newestAgeOf(now, 'normalizer'))

/** Nothing while all is recorded. */
const shedLines = (tier: number): string[] =>
  isShedTier(tier) && tier > 0 ? [`OVER COST_BUDGET, tier ${tier}: ${SHED_TEXTS[tier]}`] : []

/** Rows that Postgres refuses are dead letters too, counted by themselves. */
const lettersOf = (count: Figure): number | undefined => {
  const unusable = count('normalizer', 'deadLetters')
  return unusable === undefined ? undefined : unusable + (count('normalizer', 'rowsRefused') ?? 0)
}

/** The figures as text, `–` for what no role has published. */
const figureTexts = (shown: Shown) => {
  const { now, before } = shown
  const sum: Figure = (role, name) => (now === undefined ? undefined : sumOf(now, role, name))
  const count: Figure = (role, name) => (now === undefined ? undefined : countOf(now, role, name))
  const max: Figure = (role, name) => (now === undefined ? undefined : maxOf(now, role, name))
  const rate: Figure = (role, name) => (now === undefined ? undefined : rateOf(now, before, role, name))
  return {
    marketsWanted: whole(sum('control', 'marketsWanted')),
    marketsSubscribed: whole(sum('feed', 'marketsSubscribed')),
    marketsWithBook: whole(sum('normalizer', 'marketsWithBook')),
    tokensWanted: whole(sum('feed', 'tokensWanted')),
    tokensSubscribed: whole(sum('feed', 'tokensSubscribed')),
    tokensWithBook: whole(sum('normalizer', 'tokensWithBook')),
    framesPerSecond: whole(rate('feed', 'frames')),
    rowsPerSecond: whole(rate('normalizer', 'rows')),
    newest: millis(newestAge(now)),
    cacheP50: millis(max('normalizer', 'cacheP50Ms')),
    cacheP99: millis(max('normalizer', 'cacheP99Ms')),
    commitP50: millis(max('normalizer', 'commitP50Ms')),
    commitP99: millis(max('normalizer', 'commitP99Ms')),
    gaps: whole(count('normalizer', 'gaps')),
    gapsOpen: whole(count('normalizer', 'gapsOpen')),
    deadLetters: whole(lettersOf(count)),
    reconnects: whole(count('feed', 'reconnects')),
    isEverythingPaused: (sum('feed', 'groupsPaused') ?? 0) > 0,
    shed: shedLines(max('control', 'costTier') ?? 0),
    restarts: whole(shown.kept.reduce((total, one) => total + one.restarts, 0)),
  }
}

/** One plain line for a log or a pipe. */
export const statusLine = (shown: Shown): string => {
  const f = figureTexts(shown)
  const down = shown.kept.filter((one) => one.state !== 'running').map((one) => `${one.name} ${one.state}`)
  return [
    `${new Date(shown.nowTimeMs).toISOString().slice(11, 19)} ${shown.venue}`,
    `markets ${f.marketsWanted} wanted, ${f.marketsSubscribed} subscribed, ${f.marketsWithBook} with a book`,
    `tokens ${f.tokensWanted} wanted, ${f.tokensSubscribed} subscribed, ${f.tokensWithBook} with a book`,
    `${f.framesPerSecond} frames/s, ${f.rowsPerSecond} rows/s, newest ${f.newest} ago`,
    `venue to cache p50 ${f.cacheP50} p99 ${f.cacheP99}, to commit p50 ${f.commitP50} p99 ${f.commitP99}`,
    `gaps ${f.gaps} (${f.gapsOpen} open), restarts ${f.restarts}`,
    ...(f.isEverythingPaused ? ['EVERYTHING IS PAUSED'] : []),
    ...f.shed,
    ...down,
  ].join(' | ')
}

const cells = (name: string, ...rest: string[]): string =>
  name.padEnd(10) + rest.map((cell) => cell.padStart(13)).join('')

const clock = (elapsedMs: number): string => new Date(Math.max(0, elapsedMs)).toISOString().slice(11, 19)

const processText = (one: KeptProcess): string => {
  const state = one.state === 'waiting' ? 'restarts soon' : one.state
  if (one.restarts === 0) return `${one.name} ${state}`
  return `${one.name} ${state} (${one.restarts} restart${one.restarts === 1 ? '' : 's'}, last end: ${one.lastExit})`
}

/** Joined to as few lines as fit. */
const folded = (texts: string[], width: number): string[] => {
  const lines: string[] = []
  for (const text of texts) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 3 + text.length > width) lines.push(text)
    else lines[lines.length - 1] = `${last} · ${text}`
  }
  return lines
}

/** The live block of a terminal; a line is never wider than `columns`. */
export const statusBlock = (shown: Shown, columns: number): string[] => {
  const f = figureTexts(shown)
  const titled = `polytape · ${shown.venue} · up ${clock(shown.nowTimeMs - shown.startedTimeMs)} · Ctrl-C stops`
  const ofKind = (kind: KeptProcess['kind']) => shown.kept.filter((one) => one.kind === kind).map(processText)
  const waiting = shown.now === undefined || shown.now.instances.size === 0 ? ['waiting for the first figures …'] : []
  return [
    titled,
    ...waiting,
    ...(f.isEverythingPaused
      ? ['EVERYTHING IS PAUSED: workflow type setEverything with {"state":"active"} resumes']
      : []),
    ...f.shed,
    cells('', 'wanted', 'subscribed', 'with a book'),
    cells('markets', f.marketsWanted, f.marketsSubscribed, f.marketsWithBook),
    cells('tokens', f.tokensWanted, f.tokensSubscribed, f.tokensWithBook),
    `frames/s ${f.framesPerSecond}   rows/s ${f.rowsPerSecond}   newest frame ${f.newest} ago`,
    `venue → cache p50 ${f.cacheP50} p99 ${f.cacheP99}   venue → commit p50 ${f.commitP50} p99 ${f.commitP99}`,
    `gaps ${f.gaps} (${f.gapsOpen} open)   dead letters ${f.deadLetters}   reconnects ${f.reconnects}`,
    ...folded([...ofKind('role'), ...ofKind('venue'), ...ofKind('server')], columns - 1),
  ].map((line) => line.slice(0, Math.max(20, columns - 1)))
}
