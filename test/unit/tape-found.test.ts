import { describe, expect, test } from 'vitest'
import { judgeGaps, type Touch } from '../support/tape/found.ts'
import type { RecordedGap } from '../support/tape/gaps.ts'
import { measureLag } from '../support/tape/lag.ts'
import type { Loss } from '../support/tape/receiver.ts'
import type { RecordedEvent } from '../support/tape/recorded.ts'
import type { Sent } from '../support/tape/sent.ts'

const gapAt = (openedMs: number, detectedMs: number, closedMs: number): RecordedGap => ({
  outcomeId: '1:0',
  reason: 'hash_mismatch',
  detail: '',
  openedMs,
  detectedMs,
  closedMs,
  nothingMissed: false,
  lastGoodSequence: 1,
  firstGoodSequence: 3,
  gapSequence: 2,
})
const loss = (timeMs: number, sinceMs = timeMs): Loss => ({ type: 'batch_end', connection: 1, timeMs, sinceMs })
const touch = (timeMs: number, ends = false): Touch => ({ type: 'drop', timeMs, ends })

describe('what the history says of it', () => {
  test('a loss is found by a gap that covers it and was detected within 30 s', () => {
    const verdict = { losses: [loss(100_000)], wrong: [] }
    const found = judgeGaps(verdict, [gapAt(99_000, 100_120, 101_000)], [touch(99_900)])
    const nothing = { unfound: [], uncovered: [], falseGaps: [], needlessGaps: [] }
    expect(found).toEqual({ ...nothing, delaysMs: [120], longestWrongMs: 120 })
    expect(judgeGaps(verdict, [gapAt(99_000, 131_000, 132_000)], []).unfound).toHaveLength(1)
    expect(judgeGaps(verdict, [gapAt(90_000, 91_000, 92_000)], []).unfound).toHaveLength(1)
    expect(judgeGaps(verdict, [gapAt(101_000, 101_000, 102_000)], []).unfound).toHaveLength(1)
  })

  test('a gap that begins only after the book had become wrong does not cover the loss', () => {
    const gaps = [gapAt(100_100, 100_100, 101_000)]
    expect(judgeGaps({ losses: [loss(100_000)], wrong: [] }, gaps, [touch(99_900)]).uncovered).toEqual([])
    const { unfound, uncovered } = judgeGaps({ losses: [loss(100_000, 99_000)], wrong: [] }, gaps, [touch(99_000)])
    expect([unfound.length, uncovered.length]).toEqual([0, 1])
  })

  test('a gap of a token that nothing touched is false; one whose book was right all the same is needless', () => {
    const gaps = [gapAt(99_000, 100_000, 101_000)]
    expect(judgeGaps({ losses: [], wrong: [] }, gaps, []).falseGaps).toEqual(gaps)
    expect(judgeGaps({ losses: [], wrong: [] }, gaps, [touch(50_000)]).falseGaps).toEqual(gaps)
    const needless = judgeGaps({ losses: [], wrong: [] }, gaps, [touch(99_500)])
    expect([needless.falseGaps, needless.needlessGaps]).toEqual([[], gaps])
    expect(judgeGaps({ losses: [], wrong: [] }, gaps, [touch(99_500, true)]).needlessGaps).toEqual([])
    const wrong = [{ fromMs: 99_500, toMs: 99_800 }]
    expect(judgeGaps({ losses: [], wrong }, gaps, [touch(99_500)]).needlessGaps).toEqual([])
  })

  test('what a feed that stood still received late is held against when it was received', () => {
    const sent = (timeMs: number): Sent => ({ at: timeMs, timeMs, venueMs: timeMs, type: 'tick' })
    const row = (venueMs: number, capturedMs: number): RecordedEvent => ({
      sequence: venueMs,
      kind: 'change',
      venueMs,
      capturedMs,
      rows: [],
    })
    const connections = new Map([[1, [sent(90_000), sent(99_000), sent(100_050), sent(103_000)]]])
    const lagAt = measureLag({ connections }, [
      row(90_000, 90_004),
      row(99_000, 102_000),
      row(100_050, 102_001),
      row(103_000, 103_005),
    ])
    expect([90_000, 99_500, 101_000, 104_000].map((timeMs) => lagAt(timeMs))).toEqual([4, 3_000, 3_000, 5])
    const verdict = { losses: [loss(100_000)], wrong: [] }
    const gaps = [gapAt(102_000, 102_010, 102_100)]
    expect(judgeGaps(verdict, gaps, [touch(99_900)]).unfound).toHaveLength(1)
    expect(judgeGaps(verdict, gaps, [touch(99_900)], lagAt)).toMatchObject({
      unfound: [],
      uncovered: [],
      needlessGaps: [],
    })
  })
})
