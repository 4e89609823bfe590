import type pg from 'pg'
import type { Ledger } from '../../../src/emulator/ledger.ts'
import { readOutcomes } from '../recorded-books.ts'
import { recordedTokens } from '../recorded-truth.ts'
import { textsAround } from '../tape/around.ts'
import { judgeGaps, type Judged, type Touch } from '../tape/found.ts'
import { readRecordedGaps, type RecordedGap } from '../tape/gaps.ts'
import { measureLag } from '../tape/lag.ts'
import { judgeDelivery } from '../tape/oracle.ts'
import type { Loss } from '../tape/receiver.ts'
import { levelsOf, readRecorded } from '../tape/recorded.ts'
import type { TokenTape } from '../tape/sent.ts'

export type TokenVerdict = Judged & {
  outcomeId: string
  losses: Loss[]
  gaps: RecordedGap[]
  touches: Touch[]
  around: (fromMs: number, toMs: number) => string[]
}

const ENDINGS = new Set(['close', 'restart', 'withhold', 'tick_size', 'mute', 'unmute'])

/** What the venue did to one token that is no part of its undisturbed flow. */
const touchesOf = (ledger: Ledger, token: string, connections: ReadonlySet<number>): Touch[] => {
  const done = ledger.faults
    .filter(({ tokens, type }) => type !== 'rest' && tokens.includes(token))
    .map(({ type, timeMs }): Touch => ({ type, timeMs, ends: ENDINGS.has(type) }))
  const closed = ledger.connections
    .filter(({ id, closedTimeMs }) => connections.has(id) && closedTimeMs !== undefined)
    .map(({ closedTimeMs }): Touch => ({ type: 'closed', timeMs: closedTimeMs ?? 0, ends: true }))
  return [...done, ...closed]
}

export type Evidence = { ledger: Ledger; tapes: ReadonlyMap<string, TokenTape>; pool: pg.Pool; endMs: number }

/** Judges every token that was recorded. */
export const judgeTokens = async ({ ledger, tapes, pool, endMs }: Evidence): Promise<TokenVerdict[]> => {
  const outcomes = await readOutcomes(pool)
  const recorded = await readRecorded(pool)
  const gaps = await readRecordedGaps(pool)
  return recordedTokens(ledger).flatMap(({ token }) => {
    const outcomeId = outcomes.get(token) ?? ''
    const tape = tapes.get(token)
    if (tape === undefined) return []
    const events = recorded.get(outcomeId) ?? []
    const snapshots = events.filter(({ kind }) => kind === 'snapshot')
    const repairs = snapshots.map((one) => ({ timeMs: one.capturedMs, venueMs: one.venueMs, levels: levelsOf(one) }))
    const closings = ledger.connections.flatMap(({ id, closedTimeMs }) =>
      closedTimeMs === undefined ? [] : [{ connection: id, timeMs: closedTimeMs }],
    )
    const verdict = judgeDelivery({ ...tape, closings, repairs, endMs })
    const ofToken = gaps.get(outcomeId) ?? []
    const touches = touchesOf(ledger, token, new Set(tape.connections.keys()))
    const around = (fromMs: number, toMs: number): string[] => textsAround(tape, fromMs, toMs)
    const { losses } = verdict
    const judged = judgeGaps(verdict, ofToken, touches, measureLag(tape, events))
    return [{ ...judged, outcomeId, losses, gaps: ofToken, touches, around }]
  })
}
