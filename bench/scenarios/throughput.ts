import { atLeast, atMost, figure, shareOf, type Figure } from '../support/figure.ts'
import { openLoad, type Load } from '../support/load.ts'
import { counted, secondsBetween } from '../support/look.ts'
import type { Given, PartRates, Scenario } from '../support/scenario.ts'
import { findHighest, type Search } from '../support/search.ts'
import { drain, settledCheck } from '../support/settled.ts'
import { takeStep, type Taken } from '../support/step.ts'
import { costFigures, flowFigures, stageFigures } from '../support/tell-run.ts'
import { whyNot } from '../support/verdict.ts'

const MARKETS = 200
const WANTED_RATE = 20_000
const SEARCH: Search = { start: 8_000, factor: 1.6, precision: 1.1, mostSteps: 8 }
const QUICK: Search = { ...SEARCH, precision: 1.4, mostSteps: 3 }

type Reached = { taken: Taken | undefined; failed: { rate: number; reasons: string[] } | undefined }

/** What one rate left behind is worked off before the next, so that it is judged by itself. */
const settleBetween = async ({ recording }: Load, say: Given['say']): Promise<void> => {
  say(`all of it was committed ${((await drain(recording)) / 1_000).toFixed(1)} s later`)
  await recording.venue.post('resume')
}

const judge = async (load: Load, rate: number, seconds: number, say: Given['say']) => {
  const taken = await takeStep(load, rate, seconds)
  const reasons = whyNot(taken.step)
  say(`${rate} frames/s ${reasons.length === 0 ? 'hold' : `do not hold: ${reasons.join(', ')}`}`)
  return { taken, reasons }
}

const search = async (load: Load, given: Given): Promise<Reached> => {
  const seconds = given.seconds ?? (given.isQuick ? 8 : 15)
  const reached: Reached = { taken: undefined, failed: undefined }
  const holds = async (rate: number): Promise<boolean> => {
    const { taken, reasons } = await judge(load, rate, seconds, given.say)
    if (reasons.length === 0) reached.taken = taken
    else reached.failed = { rate, reasons }
    await settleBetween(load, given.say)
    return reasons.length === 0
  }
  await findHighest(given.isQuick ? QUICK : SEARCH, holds)
  return reached
}

/** One rate, kept up: what is asked of it is that it holds. */
const keepUp = async (load: Load, rate: number, given: Given): Promise<Reached> => {
  const { taken, reasons } = await judge(load, rate, given.seconds ?? 60, given.say)
  return { taken, failed: reasons.length === 0 ? undefined : { rate, reasons } }
}

const shares = ({ before, now }: Taken, parts: PartRates): Figure[] => {
  const aSecond = (name: string): number =>
    counted(before.normalizer, now.normalizer, name) / secondsBetween(before, now)
  return [
    shareOf('websocket receive', aSecond('frames'), parts.receivedFrames),
    shareOf('the append script', aSecond('frames'), parts.appendedFrames),
    shareOf('COPY', aSecond('rows'), parts.copiedRows),
    shareOf('SHA-1 of books', aSecond('batchesVerified'), parts.hashedBooks),
  ]
}

const highestFigure = ({ taken, failed }: Reached, given: Given): Figure => {
  const note = failed === undefined ? '' : `${failed.rate} do not hold: ${failed.reasons.join(', ')}`
  if (given.rate === undefined)
    return figure('highest rate that holds', taken?.step.rate, 'frames/s', { bound: atLeast(WANTED_RATE), note })
  const wanted = { bound: atLeast(1), note: note === '' ? `${given.rate} frames/s hold` : note }
  return figure(`${given.rate.toLocaleString('en-US')} frames/s hold`, failed === undefined ? 1 : 0, '1 = yes', wanted)
}

const takenFigures = (taken: Taken, parts: PartRates): Figure[] => {
  const { step, before, now } = taken
  const checks = step.verified + step.unproved + step.shed
  return [
    figure('cache p99', step.cacheP99Ms, 'ms', { bound: atMost(3_000), note: 'venue → hot cache' }),
    ...stageFigures(before, now),
    figure('checks shed', (step.shed / Math.max(1, checks)) * 100, '%', { bound: atMost(1) }),
    figure('growth of the backlog', step.backlogSlope, 'frames/s', { note: 'flat within 5 % of the rate' }),
    ...flowFigures(before, now),
    ...shares(taken, parts),
    ...costFigures(before, now),
  ]
}

const measureThroughput = async (given: Given): Promise<Figure[]> => {
  const parts = await given.parts()
  await using load = await openLoad({ markets: MARKETS, shards: given.shards, say: given.say })
  const reached = given.rate === undefined ? await search(load, given) : await keepUp(load, given.rate, given)
  const checked = await settledCheck(load.recording)
  const { connections, slowConsumersClosed } = await load.recording.venue.ledger('none')
  const rows = checked.rows.toLocaleString('en-US')
  return [
    highestFigure(reached, given),
    ...(reached.taken === undefined ? [] : takenFigures(reached.taken, parts)),
    figure('differences from the ledger', checked.wrong.length, '', {
      bound: atMost(0),
      note: `${checked.outcomes} books, ${rows} rows of all steps; ${checked.wrong.slice(0, 3).join('; ')}`,
    }),
    figure('sockets closed as too slow', slowConsumersClosed, '', { note: `of ${connections.length}, all steps` }),
  ]
}

export const throughput: Scenario = {
  name: 'throughput',
  what: `highest rate over ${MARKETS} markets with nothing lost, every batch proved and no growing backlog`,
  run: measureThroughput,
}
