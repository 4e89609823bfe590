import { z } from 'zod'

/** Gamma sends a text, a number, or nothing; anything else is no figure. 18 places before the point is what is stored. */
const decimal = z
  .union([
    z.string().regex(/^\d{1,17}(\.\d+)?$/),
    z
      .number()
      .nonnegative()
      .lt(1e17)
      .transform((value) => value.toFixed(6)),
  ])
  .optional()
  .catch(undefined)
const schema = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  liquidity: decimal,
  liquidityNum: decimal,
})

/** US dollars, by the venue's own reckoning. */
export type LiquiditySample = { marketId: string; amountText: string }

/** The liquidity that a Gamma market object states; undefined where it states none (a third of them). */
export const toLiquiditySample = (object: unknown): LiquiditySample | undefined => {
  const { data } = schema.safeParse(object)
  const amountText = data?.liquidity ?? data?.liquidityNum
  return data === undefined || amountText === undefined ? undefined : { marketId: data.id, amountText }
}
