import { resolve } from 'node:path'
import { isAddress, originRefusal } from '../../domain/import-origin.ts'
import { parseInstant } from './instant.ts'
import { parseWords, UsageError } from './usage.ts'

/** `origin`: an absolute path or an address. */
export type ImportCommand =
  | { type: 'pmxt'; origin: string; markets: string[] }
  | { type: 'prices'; market: string; from: string | undefined; to: string | undefined; fidelity: number }

const options = {
  market: { type: 'string', multiple: true },
  from: { type: 'string' },
  to: { type: 'string' },
  fidelity: { type: 'string' },
} as const

type Values = ReturnType<typeof parseWords<typeof options>>['values']

const refuse = (source: string, values: Values, names: (keyof Values)[]): void => {
  const name = names.find((one) => values[one] !== undefined)
  if (name !== undefined) throw new UsageError(`import ${source} takes no --${name}`)
}

const LONGEST_FIDELITY = 1_440

const fidelityOf = (text: string | undefined): number => {
  const minutes = text === undefined ? 1 : Number(text)
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= LONGEST_FIDELITY) return minutes
  throw new UsageError(`--fidelity: expected minutes between two prices, 1 to ${LONGEST_FIDELITY}, got "${text ?? ''}"`)
}

const isoOf = (option: string, text: string | undefined, nowMs: number): string | undefined =>
  text === undefined ? undefined : new Date(parseInstant(option, text, nowMs)).toISOString()

const toPmxt = (given: string, values: Values): ImportCommand => {
  refuse('pmxt', values, ['from', 'to', 'fidelity'])
  const refusal = originRefusal(given)
  if (refusal !== undefined) throw new UsageError(`import pmxt: ${refusal}`)
  const origin = isAddress(given) ? given : resolve(given)
  return { type: 'pmxt', origin, markets: values.market ?? [] }
}

const toPrices = (market: string, values: Values, nowMs: number): ImportCommand => {
  refuse('prices', values, ['market'])
  const from = isoOf('--from', values.from, nowMs)
  const to = isoOf('--to', values.to, nowMs)
  if (from !== undefined && Date.parse(from) >= (to === undefined ? nowMs : Date.parse(to))) {
    throw new UsageError('--from: expected a time before --to')
  }
  return { type: 'prices', market, from, to, fidelity: fidelityOf(values.fidelity) }
}

/** The words after `import`. @throws UsageError, or Error where an instant is none. */
export const parseImport = (args: string[], nowMs: number): ImportCommand => {
  const { values, positionals } = parseWords(args, options)
  const [source, what, ...rest] = positionals
  if (source !== 'pmxt' && source !== 'prices')
    throw new UsageError(`import: expected "pmxt" or "prices", got "${source ?? ''}"`)
  if (what === undefined)
    throw new UsageError(`import ${source}: expected ${source === 'pmxt' ? 'a file or an address' : 'a market'}`)
  if (rest.length > 0) throw new UsageError(`import ${source}: expected one, got also "${rest.join(' ')}"`)
  return source === 'pmxt' ? toPmxt(what, values) : toPrices(what, values, nowMs)
}
