import { expect, test } from 'vitest'
import { failuresOf, summaryOf } from '../support/faults/report.ts'
import { runFaults } from '../support/faults/run.ts'

/** A short one of `npm run soak:faults`: no token is muted, for that takes 30 s to be found. */
test('under 40 random faults every loss that shows is found, no gap is false, and all books are right again', async () => {
  const say = (line: string): void => console.log(line)
  const report = await runFaults({ markets: 20, rate: 200, faults: 40, perSecond: 4, seed: 4, without: ['mute'], say })
  for (const line of summaryOf(report)) say(line)
  expect(failuresOf(report)).toEqual([])
  expect(report.tokens).toHaveLength(40)
  expect(report.tokens.flatMap(({ losses }) => losses).length, 'losses that must be found').toBeGreaterThan(5)
})
