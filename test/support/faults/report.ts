import type { RecordedGap } from '../tape/gaps.ts'
import type { FaultReport } from './run.ts'
import type { TokenVerdict } from './verdict.ts'

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.min(Math.floor(values.length * share), values.length - 1)] ?? 0

const countsText = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .toSorted(([left], [right]) => left.localeCompare(right))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

const byReason = (tokens: readonly TokenVerdict[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { reason } of tokens.flatMap(({ gaps }) => gaps)) counts[reason] = (counts[reason] ?? 0) + 1
  return counts
}

const instant = (timeMs: number): string =>
  Number.isFinite(timeMs) ? new Date(timeMs).toISOString().slice(11, 23) : '–'

const spanText = ({ reason, openedMs, detectedMs, closedMs }: RecordedGap): string =>
  `${reason} ${instant(openedMs)}/${instant(detectedMs)}–${instant(closedMs)}`

const nearest = ({ touches }: TokenVerdict, timeMs: number): string =>
  touches
    .filter((touch) => Math.abs(touch.timeMs - timeMs) < 35_000)
    .map((touch) => `${touch.type} ${instant(touch.timeMs)}`)
    .join(', ')

/** Gaps without need that say so themselves: no failure, but worth a look. */
export const notesOf = ({ tokens }: FaultReport): string[] =>
  tokens.flatMap((one) =>
    [...one.falseGaps, ...one.needlessGaps]
      .filter(({ nothingMissed }) => nothingMissed)
      .map(
        (gap) =>
          `${one.outcomeId}: nothing missed: ${spanText(gap)}: ${gap.detail}; faults ${nearest(one, gap.detectedMs)}`,
      ),
  )

/** What failed, a line each, with what the venue had done to the token. */
export const failuresOf = ({ tokens, broken }: FaultReport): string[] => [
  ...broken,
  ...tokens.flatMap((one) =>
    one.unfound.map(
      ({ type, timeMs, sinceMs }) =>
        `${one.outcomeId}: not found: ${type} at ${instant(timeMs)}, wrong since ${instant(sinceMs)}; ` +
        `gaps ${one.gaps.map(spanText).join(', ')}; ` +
        `faults ${nearest(one, timeMs)}\n    ${one.around(timeMs, timeMs).join('\n    ')}`,
    ),
  ),
  ...tokens.flatMap((one) =>
    one.uncovered.map(
      ({ loss, gap }) =>
        `${one.outcomeId}: wrong since ${instant(loss.sinceMs)}, but the gap begins later: ${spanText(gap)}: ` +
        `${gap.detail}; gaps ${one.gaps.map(spanText).join(', ')}; ` +
        `faults ${nearest(one, loss.sinceMs)}\n    ${one.around(loss.sinceMs, gap.openedMs).join('\n    ')}`,
    ),
  ),
  ...tokens.flatMap((one) =>
    [
      ...one.falseGaps.map((gap) => ({ gap, why: 'untouched' })),
      ...one.needlessGaps.map((gap) => ({ gap, why: 'right' })),
    ]
      .filter(({ gap }) => !gap.nothingMissed)
      .map(
        ({ gap, why }) =>
          `${one.outcomeId}: false gap (${why}): ${gap.reason} opened ${instant(gap.openedMs)}, detected ` +
          `${instant(gap.detectedMs)}, closed ${instant(gap.closedMs)}: ${gap.detail}; faults ${nearest(one, gap.detectedMs)}\n    ` +
          one.around(gap.openedMs, gap.detectedMs).join('\n    '),
      ),
  ),
  ...tokens.flatMap((one) =>
    one.gaps
      .filter(({ closedMs }) => closedMs === Infinity)
      .map(({ reason }) => `${one.outcomeId}: ${reason} is still open`),
  ),
]

/** The figures of a run. */
export const summaryOf = (report: FaultReport): string[] => {
  const { tokens } = report
  const losses = tokens.flatMap((one) => one.losses)
  const unfound = tokens.flatMap((one) => one.unfound)
  const gaps = tokens.flatMap((one) => one.gaps)
  const delaysMs = tokens.flatMap((one) => one.delaysMs)
  const sum = (of: (one: TokenVerdict) => number): number => tokens.reduce((total, one) => total + of(one), 0)
  const lossKinds: Record<string, number> = {}
  for (const { type } of losses) lossKinds[type] = (lossKinds[type] ?? 0) + 1
  return [
    `injected: ${countsText(report.injected)}`,
    `done by the venue: ${countsText(report.done)}; frames sent: ${report.framesSent}`,
    `losses that must be found: ${losses.length} (${countsText(lossKinds)}); not found: ${unfound.length}; ` +
      `in a gap that begins too late: ${sum((one) => one.uncovered.length)}`,
    `from the loss to its finding: p50 ${percentile(delaysMs, 0.5)} ms, p99 ${percentile(delaysMs, 0.99)} ms, ` +
      `longest ${percentile(delaysMs, 1)} ms; longest time that a book was wrong before: ` +
      `${Math.max(...tokens.map((one) => one.longestWrongMs))} ms`,
    `gaps: ${gaps.length} (${countsText(byReason(tokens))}); nothing missed: ${gaps.filter((gap) => gap.nothingMissed).length}`,
    `false gaps: ${sum((one) => one.falseGaps.length)} of untouched tokens, ` +
      `${sum((one) => one.needlessGaps.length)} of touched tokens whose book was right`,
    `promises broken: ${report.broken.length}`,
  ]
}
