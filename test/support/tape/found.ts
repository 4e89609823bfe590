import type { RecordedGap } from './gaps.ts'
import type { Loss, Wrong } from './receiver.ts'

/** A fault that touched the token. `ends`: the socket or the subscription ended, which is a gap whatever was lost. */
export type Touch = { timeMs: number; type: string; ends: boolean }

export type Judged = {
  /** Losses that must be found and lie in no gap. */
  unfound: Loss[]
  /** Found, but the gap begins only after the book had become wrong. */
  uncovered: { loss: Loss; gap: RecordedGap }[]
  /** Gaps of a token that no fault had touched. */
  falseGaps: RecordedGap[]
  /** Gaps of a touched token whose delivered book was right all the same. */
  needlessGaps: RecordedGap[]
  /** From the loss to its finding, ms. */
  delaysMs: number[]
  /** The longest time for which the book was wrong before it was found, ms. */
  longestWrongMs: number
}

/** Send time against receive time, beside what the feed was behind as far as that was measured. */
const SLACK_MS = 250
const FIND_WITHIN_MS = 30_000
/** So long a fault may go unseen: the book is compared with REST. */
const UNSEEN_MS = 31_000
/** The end of a socket is seen at once, a snapshot that was withheld after its deadline. */
const ENDED_MS = 12_000

/** By how much what was sent about then was received later, ms. */
export type LagAt = (timeMs: number) => number

const covers = (gap: RecordedGap, loss: Loss, slackMs: number): boolean =>
  gap.openedMs <= loss.timeMs + slackMs &&
  gap.detectedMs <= (loss.type === 'lasting' ? loss.timeMs : loss.timeMs + FIND_WITHIN_MS) + slackMs &&
  gap.closedMs >= loss.timeMs - SLACK_MS

const isTouched = (gap: RecordedGap, touches: readonly Touch[]): boolean =>
  touches.some(
    ({ timeMs }) => timeMs <= gap.detectedMs + SLACK_MS && timeMs >= Math.min(gap.openedMs, gap.detectedMs) - UNSEEN_MS,
  )

const isNeeded = (
  gap: RecordedGap,
  verdict: { losses: Loss[]; wrong: Wrong[] },
  touches: readonly Touch[],
  lagAt: LagAt,
): boolean => {
  const fromMs = gap.openedMs - SLACK_MS - lagAt(gap.openedMs)
  const toMs = gap.detectedMs + SLACK_MS
  return (
    verdict.losses.some(({ timeMs }) => timeMs >= fromMs && timeMs <= toMs) ||
    verdict.wrong.some((wrong) => wrong.fromMs <= toMs && wrong.toMs >= fromMs) ||
    touches.some(({ timeMs, ends }) => ends && timeMs >= gap.detectedMs - ENDED_MS && timeMs <= toMs)
  )
}

/** Holds what the history says of one token against what its delivery demands. */
export const judgeGaps = (
  verdict: { losses: Loss[]; wrong: Wrong[] },
  gaps: readonly RecordedGap[],
  touches: readonly Touch[],
  lagAt: LagAt = () => 0,
): Judged => {
  const found = verdict.losses.map((loss) => {
    const slackMs = SLACK_MS + lagAt(loss.timeMs)
    return { loss, gap: gaps.find((gap) => covers(gap, loss, slackMs)) }
  })
  const untouched = gaps.filter((gap) => !isTouched(gap, touches))
  return {
    unfound: found.filter(({ gap }) => gap === undefined).map(({ loss }) => loss),
    uncovered: found.flatMap(({ loss, gap }) =>
      gap === undefined || gap.openedMs <= loss.sinceMs + SLACK_MS + lagAt(loss.sinceMs) ? [] : [{ loss, gap }],
    ),
    falseGaps: untouched,
    needlessGaps: gaps.filter((gap) => !untouched.includes(gap) && !isNeeded(gap, verdict, touches, lagAt)),
    longestWrongMs: Math.max(
      0,
      ...found.map(({ loss, gap }) => (gap === undefined ? 0 : gap.detectedMs - loss.sinceMs)),
    ),
    delaysMs: found.flatMap(({ loss, gap }) =>
      gap === undefined || gap.detectedMs < loss.timeMs - SLACK_MS ? [] : [Math.max(gap.detectedMs - loss.timeMs, 0)],
    ),
  }
}
