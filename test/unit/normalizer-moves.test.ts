import { expect, test } from 'vitest'
import { beginFollowed } from '../support/followed-market.ts'

test('two batches of one millisecond that another connection says again where it goes on are no alarm', () => {
  const run = beginFollowed()
  run.first.set('BUY', '0.41', '1')
  const one = run.first.change(10, 'BUY', '0.41')
  run.first.set('BUY', '0.42', '2')
  const two = run.first.change(10, 'BUY', '0.42')
  run.socket(11, one)
  run.socket(11, two)
  run.goOn(20)
  run.socket(21, one)
  run.socket(21, two)
  run.first.set('BUY', '0.43', '3')
  run.socket(31, run.first.change(30, 'BUY', '0.43'))
  run.asked(2_000)
  run.asked(2_200)
  expect(run.reasons()).toEqual([])
  expect(run.tape.state).toBe('live')
})
