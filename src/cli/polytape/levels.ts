import { toMillionths } from '../../domain/decimal.ts'
import type { ShownLevel } from './shown-book.ts'

const exact = (text: string): bigint => {
  const value = toMillionths(text)
  if (value === undefined) throw new Error(`expected a decimal in a stored level, got "${text}"`)
  return BigInt(value)
}

export const toShownLevels = (levels: [price: string, size: string][]): ShownLevel[] =>
  levels.map(([price, size]) => ({ price: exact(price), size: exact(size) }))
