import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Prices } from './cost/prices.ts'
import { toMillionths } from './domain/decimal.ts'

const dollars = z.string().transform((text, context) => {
  const microdollars = toMillionths(text)
  if (microdollars !== undefined) return microdollars
  context.addIssue(`expected dollars as a decimal text such as "0.25", got "${text}"`)
  return z.NEVER
})
const amount = z.number().min(0).max(1e12)

const schema = z.strictObject({
  asOf: z.iso.date(),
  sources: z.array(z.string()).default([]),
  redis: z.strictObject({
    perMillionCommands: dollars,
    perGbMonth: dollars,
    freeGb: amount,
    perGbReceived: dollars,
    freeGbReceived: amount,
  }),
  postgres: z.strictObject({
    perComputeHour: dollars,
    computeUnits: amount,
    perGbMonth: dollars,
    perGbMonthOfHistory: dollars,
    historyDays: amount,
    perGbReceived: dollars,
    freeGbReceived: amount,
  }),
  store: z.strictObject({ perGbMonth: dollars }),
  host: z.strictObject({ perGbSent: dollars, freeGbSent: amount }),
  temporal: z.strictObject({ perMillionActions: dollars, freeActions: amount }),
})

/** The table that comes with the code, beside `src` and `dist`. */
const DEFAULT_PATH = fileURLToPath(new URL('../prices.json', import.meta.url))

/** @throws Error that names each price that does not fit. */
export const parsePrices = (text: string): Prices => {
  const result = schema.safeParse(JSON.parse(text))
  if (result.success) return result.data
  throw new Error(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}

/** @throws Error where the table of `COST_PRICES`, else ours, cannot be read or does not fit. */
export const readPrices = async (path: string = DEFAULT_PATH): Promise<Prices> => {
  try {
    return parsePrices(await readFile(path, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`the prices of ${path} do not fit: ${reason}`, { cause: error })
  }
}
