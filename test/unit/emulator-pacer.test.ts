import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startPacer } from '../../src/emulator/pacer.ts'

test('nothing is done after the end, also where the rate is not kept up and the next turn was asked for', async () => {
  let steps = 0
  let isEnded = false
  const stepsAfter: number[] = []
  const pacer = startPacer({
    // A step takes what ten of them may: there is always more to do.
    rate: 100_000,
    step: () => {
      steps += 1
      if (isEnded) stepsAfter.push(steps)
      return 1
    },
    before: () => {
      if (isEnded) stepsAfter.push(steps)
      const endMs = performance.now() + 5
      while (performance.now() < endMs);
      return 0
    },
  })
  while (steps < 1_000) await new Promise((resolve) => setImmediate(resolve))
  pacer[Symbol.dispose]()
  isEnded = true
  await sleep(50)
  expect(stepsAfter).toEqual([])
})
