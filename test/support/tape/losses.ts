import type pg from 'pg'
import { readOutcomes } from '../recorded-books.ts'
import { align, unrecorded, type Aligned } from './aligned.ts'
import { readRecordedGaps, type RecordedGap } from './gaps.ts'
import { predictEvents, type RowEvent } from './predicted.ts'
import { levelsOf, readRecorded, toSegments, type RecordedEvent } from './recorded.ts'
import { sameLevels, copyLevels, setLevel, type Levels } from './levels.ts'
import type { TokenTape } from './sent.ts'

/** Between two segments. `events` would have written rows; `texts` also say what changes no level: a trade, the same size again. */
type Missed = { missedEvents: number; missedTexts: number }

/** What one token's history misses of what was sent, and whether it says so. */
export type TokenLosses = {
  token: string
  outcomeId: string
  aligned: Aligned[]
  /** Rows that were sent and are not recorded, by connection. */
  unrecorded: { connection: number; event: RowEvent; gap: RecordedGap | undefined }[]
  gaps: (Missed & { gap: RecordedGap })[]
  problems: string[]
  /** Whether a recorded gap covers what was sent then. */
  isCovered: (timeMs: number) => boolean
}

/** Receive time lies behind send time: by milliseconds, or by as much as a busy feed was behind. */
const CLOCK_SLACK_MS = 1_500

const covers = (gap: RecordedGap, timeMs: number): boolean =>
  timeMs >= gap.openedMs - CLOCK_SLACK_MS && timeMs <= gap.closedMs + CLOCK_SLACK_MS

const endOf = ({ segment }: Aligned): { levels: Levels; venueMs: number } => {
  const levels = copyLevels(levelsOf(segment.snapshot))
  for (const row of segment.changes.flatMap(({ rows }) => rows)) setLevel(levels, row)
  return { levels, venueMs: (segment.changes.at(-1) ?? segment.snapshot).venueMs }
}

/** What the venue did between the end of one segment and the snapshot of the next. */
const missedBetween = (before: Aligned, after: Aligned, tape: TokenTape): Missed => {
  const end = endOf(before)
  const start = levelsOf(after.segment.snapshot)
  const startMs = after.segment.snapshot.venueMs
  const [opening] = tape.tape
  if (opening?.type !== 'book') return { missedEvents: 0, missedTexts: 0 }
  const isBetween = ({ venueMs }: { venueMs: number }): boolean => venueMs > end.venueMs && venueMs <= startMs
  const moved = predictEvents(opening.levels, opening.venueMs, tape.tape.slice(1)).filter(isBetween)
  const told = tape.tape.filter(({ timeMs, venueMs, type }) =>
    type === 'trade'
      ? timeMs > end.venueMs && timeMs <= after.segment.snapshot.capturedMs
      : type !== 'best' && isBetween({ venueMs }),
  )
  return { missedEvents: Math.max(moved.length, sameLevels(end.levels, start) ? 0 : 1), missedTexts: told.length }
}

type Token = { token: string; outcomeId: string }

const judge = (
  { token, outcomeId }: Token,
  events: RecordedEvent[],
  tape: TokenTape,
  gaps: RecordedGap[],
): TokenLosses => {
  const { segments, problems } = toSegments(events)
  const gapAt = new Map(gaps.map((gap) => [gap.gapSequence, gap]))
  const found = align(segments, tape.connections, ({ gap }) =>
    gap === undefined ? Infinity : (gapAt.get(gap.sequence)?.openedMs ?? gap.capturedMs) - CLOCK_SLACK_MS,
  )
  const lost = [...tape.connections].flatMap(([connection, sent]) =>
    unrecorded(connection, sent, found.aligned).map((event) => {
      return { connection, event, gap: gaps.find((gap) => covers(gap, event.timeMs)) }
    }),
  )
  const between = found.aligned.slice(1).flatMap((after, index) => {
    const before = found.aligned[index]
    const gap = before?.segment.gap === undefined ? undefined : gapAt.get(before.segment.gap.sequence)
    return before === undefined || gap === undefined ? [] : [{ gap, ...missedBetween(before, after, tape) }]
  })
  return {
    token,
    outcomeId,
    aligned: found.aligned,
    unrecorded: lost,
    gaps: between,
    problems: [...problems, ...found.problems],
    isCovered: (timeMs) => gaps.some((gap) => covers(gap, timeMs)),
  }
}

/** Compares the whole history with the emulator's log, token by token. */
export const readLosses = async (pool: pg.Pool, tapes: ReadonlyMap<string, TokenTape>): Promise<TokenLosses[]> => {
  const outcomes = await readOutcomes(pool)
  const recorded = await readRecorded(pool)
  const gaps = await readRecordedGaps(pool)
  return [...outcomes].flatMap(([token, outcomeId]) => {
    const tape = tapes.get(token)
    const events = recorded.get(outcomeId) ?? []
    if (tape === undefined || tape.connections.size === 0) return []
    return [judge({ token, outcomeId }, events, tape, gaps.get(outcomeId) ?? [])]
  })
}
