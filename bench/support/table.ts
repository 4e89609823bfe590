import { loadOfMinute } from './machine.ts'
import { toText, verdictOf, type Figure } from './figure.ts'

export type Outcome = {
  name: string
  what: string
  seconds: number
  /** Mean of the last minute, before and after. */
  load: [before: number, after: number]
  figures: Figure[]
  /** Why it could not be carried out. */
  failure: string | undefined
}

const SIGNS = { at_most: '≤', at_least: '≥' } as const
const WORDS = { holds: 'ok', missed: 'MISSED', not_asked: '' } as const

const boundText = ({ bound }: Figure): string =>
  bound === undefined ? '' : `${SIGNS[bound.type]} ${toText(bound.value)}`

const lineOf = (figure: Figure): string => {
  const value = `${toText(figure.value).padStart(12)} ${figure.unit}`.padEnd(30)
  const asked = `${boundText(figure).padEnd(12)}${WORDS[verdictOf(figure)].padEnd(8)}`
  return `  ${figure.name.padEnd(46)}${value}${asked}${figure.note ?? ''}`.trimEnd()
}

export const tableOf = ({ name, what, seconds, load, figures, failure }: Outcome): string[] => [
  '',
  `${name}: ${what}`,
  `  took ${seconds.toFixed(0)} s, load ${load.map((value) => value.toFixed(2)).join(' → ')}`,
  ...figures.map(lineOf),
  ...(failure === undefined ? [] : [`  FAILED: ${failure}`]),
]

/** What a reader must know first: what failed, and what does not hold. */
export const summaryOf = (outcomes: Outcome[]): string[] => {
  const asked = outcomes.flatMap(({ name, figures }) => figures.map((figure) => ({ name, figure })))
  const missed = asked.filter(({ figure }) => verdictOf(figure) === 'missed')
  const held = asked.filter(({ figure }) => verdictOf(figure) === 'holds')
  const failed = outcomes.filter(({ failure }) => failure !== undefined)
  return [
    '',
    `${outcomes.length - failed.length} of ${outcomes.length} scenarios were carried out; ` +
      `${held.length} of ${held.length + missed.length} bounds hold`,
    ...failed.map(({ name, failure }) => `FAILED ${name}: ${failure}`),
    ...missed.map(
      ({ name, figure }) =>
        `MISSED ${name}: ${figure.name.trim()} ${toText(figure.value)} ${figure.unit}, wanted ${boundText(figure)}`,
    ),
  ]
}

/** For the commands of one scenario: measures and prints. */
export const timedTable = async (name: string, what: string, run: () => Promise<Figure[]>): Promise<void> => {
  const [startMs, before] = [performance.now(), loadOfMinute()]
  const figures = await run()
  const seconds = (performance.now() - startMs) / 1_000
  const lines = tableOf({ name, what, seconds, load: [before, loadOfMinute()], figures, failure: undefined })
  for (const line of lines) console.log(line)
}
