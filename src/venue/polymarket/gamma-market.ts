import { z } from 'zod'
import { outcomeIdOf, type Market } from '../../domain/market.ts'
import { resolutionOf } from './gamma-resolution.ts'

/** A market, or why the object is none. Bad data is a value: the caller counts it or sends it to the dead letters. */
export type GammaMarket = { type: 'market'; market: Market } | { type: 'rejected'; detail: string }

/** Lists come as JSON in a string (`"[\"Up\", \"Down\"]"`), in some answers as arrays. */
const texts = z.array(z.string())
const listText = z.unknown().transform((given, context): string[] => {
  const result = texts.safeParse(typeof given === 'string' ? jsonOf(given) : given)
  if (result.success) return result.data
  const came = JSON.stringify(given)?.slice(0, 80) ?? 'nothing'
  context.addIssue({ code: 'custom', message: `expected a JSON list of texts, got ${came}` })
  return z.NEVER
})

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `""` and null mean absent: https://gamma-api.polymarket.com leaves out or empties almost every field. */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional())
const decimalText = z.union([z.number().nonnegative(), z.string().regex(/^\d+(\.\d+)?$/)]).transform(plainDecimal)

const schema = z.object({
  id: z
    .union([z.string(), z.number()])
    .transform(String)
    .pipe(z.string().regex(/^\d{1,20}$/)),
  conditionId: z.string().regex(/^0x[0-9a-fA-F]{64}$/),
  slug: z.string().default(''),
  question: z.string().default(''),
  clobTokenIds: listText,
  outcomes: listText,
  outcomePrices: optional(listText),
  closed: z.boolean().default(false),
  umaResolutionStatus: optional(z.string()),
  closedTime: optional(z.string()),
  umaEndDate: optional(z.string()),
  feesEnabled: optional(z.boolean()),
  feeSchedule: optional(z.object({ rate: optional(z.number()) })),
  takerBaseFee: optional(z.number()),
  endDate: optional(z.string()),
  orderPriceMinTickSize: decimalText,
  orderMinSize: decimalText,
  negRisk: z.boolean().default(false),
  positionIds: z.unknown().optional(),
})
type Shape = z.infer<typeof schema>

/** JSON numbers as the venue's own texts: 0.0001 stays `0.0001`, 1e-7 becomes `0.0000001`, never `1e-7`. */
function plainDecimal(value: number | string): string {
  if (typeof value === 'string') return value
  const text = String(value)
  return text.includes('e') ? value.toFixed(12).replace(/\.?0+$/, '') : text
}

/** Base points of the taker's rate; the schedule is the truth where fees are enabled (`takerBaseFee` is a legacy cap). */
const feeBpsOf = (shape: Shape): number | undefined => {
  const rate = shape.feeSchedule?.rate
  if (shape.feesEnabled === true && rate !== undefined) return Math.round(rate * 1e8) / 1e4
  return shape.takerBaseFee
}

const endTimeOf = (text: string | undefined): number | undefined => {
  const timeMs = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(timeMs) ? undefined : timeMs
}

const isV2 = (positionIds: unknown): boolean =>
  positionIds !== undefined && positionIds !== null && positionIds !== '' && positionIds !== '[]'

/** Checks one object of Gamma `/markets`. Unknown fields are allowed, missing ones mostly too. */
export const toMarket = (object: unknown): GammaMarket => {
  const result = schema.safeParse(object)
  if (!result.success) {
    const issues = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    return { type: 'rejected', detail: `not a market with an order book: ${issues.join('; ').slice(0, 500)}` }
  }
  const shape = result.data
  if (shape.clobTokenIds.length === 0 || shape.clobTokenIds.length !== shape.outcomes.length) {
    const detail = `${shape.clobTokenIds.length} tokens for ${shape.outcomes.length} outcomes: expected one each`
    return { type: 'rejected', detail }
  }
  const bad = shape.clobTokenIds.find((token) => !/^\d{1,78}$/.test(token))
  if (bad !== undefined) return { type: 'rejected', detail: `token "${bad}" is not a decimal number` }
  const resolution = resolutionOf(shape)
  const market: Market = {
    marketId: shape.id,
    conditionId: shape.conditionId,
    slug: shape.slug,
    question: shape.question,
    status: resolution !== undefined ? 'resolved' : shape.closed ? 'closed' : 'active',
    outcomes: shape.clobTokenIds.map((token, index) => ({
      outcomeId: outcomeIdOf(shape.id, index),
      name: shape.outcomes[index] ?? '',
      token,
    })),
    feeBps: feeBpsOf(shape),
    endTimeMs: endTimeOf(shape.endDate),
    tickSize: shape.orderPriceMinTickSize,
    minOrderSize: shape.orderMinSize,
    negRisk: shape.negRisk,
    version: isV2(shape.positionIds) ? 'v2' : undefined,
    resolution,
  }
  return { type: 'market', market }
}

/** The text of a `catalogue` frame. */
export const parseGammaMarket = (text: string): GammaMarket => {
  const object = jsonOf(text)
  return object === undefined ? { type: 'rejected', detail: `not JSON: ${text.slice(0, 80)}` } : toMarket(object)
}
