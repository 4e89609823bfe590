import type { RecordedGap } from '../tape/gaps.ts'
import type { SentTrade } from '../tape/trades.ts'
import type { KillReport } from './run.ts'

/** Only these can lose a frame: what the feed had not appended, and what Redis had not written. */
const LOSING: ReadonlySet<string> = new Set(['feed', 'redis'])
/** From such a kill until everything is subscribed again. */
const RECOVERY_MS = 30_000

const instant = (timeMs: number): string =>
  Number.isFinite(timeMs) ? new Date(timeMs).toISOString().slice(11, 23) : '–'

const gapText = (gap: RecordedGap): string =>
  `${gap.outcomeId}: ${gap.reason} opened ${instant(gap.openedMs)}, detected ${instant(gap.detectedMs)}, ` +
  `closed ${instant(gap.closedMs)}: ${gap.detail}`

const hasCause = ({ kills }: KillReport, gap: RecordedGap): boolean =>
  kills.some(
    ({ name, timeMs }) =>
      LOSING.has(name) && timeMs - 2_000 <= gap.detectedMs && gap.detectedMs <= timeMs + RECOVERY_MS,
  )

/** Gaps that are no truth: nothing was missed and they do not say so, something was and they deny it, or no cause. */
const wrongGaps = (report: KillReport): string[] =>
  report.losses.flatMap(({ gaps }) =>
    gaps.flatMap(({ gap, missedEvents, missedTexts }) => {
      if (missedEvents === 0 && missedTexts === 0 && !gap.nothingMissed)
        return [`gap although nothing was missed: ${gapText(gap)}`]
      if (missedEvents > 0 && gap.nothingMissed)
        return [`${missedEvents} events were missed, not nothing: ${gapText(gap)}`]
      return hasCause(report, gap) || gap.nothingMissed ? [] : [`gap that no kill explains: ${gapText(gap)}`]
    }),
  )

const lostTrades = ({ losses, trades }: KillReport): SentTrade[] =>
  trades.lost.filter(({ token, timeMs }) => losses.find((one) => one.token === token)?.isCovered(timeMs) !== true)

export const failuresOf = (report: KillReport): string[] => [
  ...report.broken,
  ...report.losses.flatMap(({ outcomeId, problems }) => problems.map((problem) => `${outcomeId}: ${problem}`)),
  ...report.losses.flatMap(({ outcomeId, unrecorded }) =>
    unrecorded
      .filter(({ gap }) => gap === undefined)
      .map(
        ({ connection, event }) =>
          `${outcomeId}: what connection ${connection} sent at ${instant(event.timeMs)} is not recorded and lies in no gap`,
      ),
  ),
  ...wrongGaps(report),
  ...lostTrades(report).map(({ text }) => `trade that is no fill and lies in no gap of its token: ${text}`),
  ...report.trades.invented.map((trade) => `fill that nobody sent: ${trade}`),
]

const tally = (names: readonly string[]): string =>
  [...new Set(names)]
    .toSorted()
    .map((name) => `${name} ${names.filter((one) => one === name).length}`)
    .join(', ')

export const summaryOf = (report: KillReport): string[] => {
  const { kills, losses, trades, broken } = report
  const gaps = losses.flatMap((one) => one.gaps)
  const lost = losses.flatMap(({ unrecorded }) => unrecorded)
  const segments = losses.reduce((sum, { aligned }) => sum + aligned.length, 0)
  return [
    `kills: ${kills.length} (${tally(kills.map(({ name }) => name))})`,
    `histories: ${losses.length} tokens, ${segments} gapless spans; problems: ${losses.flatMap(({ problems }) => problems).length}`,
    `rows sent and not recorded: ${lost.length}, outside every gap: ${lost.filter(({ gap }) => gap === undefined).length}; ` +
      `trades not recorded: ${trades.lost.length}, outside every gap: ${lostTrades(report).length}`,
    `gaps: ${gaps.length} (${tally(gaps.map(({ gap }) => gap.reason))}); nothing missed: ${gaps.filter(({ gap }) => gap.nothingMissed).length}; ` +
      `wrong: ${wrongGaps(report).length}`,
    `promises broken: ${broken.length}`,
  ]
}
