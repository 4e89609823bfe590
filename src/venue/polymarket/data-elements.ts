import { z } from 'zod'
import { MILLION, toMillionths } from '../../domain/decimal.ts'
import { toAmountText } from './data-amount.ts'

/** Wire schemas of the Data API. Numbers are texts here (see `quoteNumbers`), unknown keys are ignored. */
const amount = z.string().transform((text, context) => {
  const amountText = toAmountText(text)
  if (amountText !== undefined) return amountText
  context.addIssue({ code: 'custom', message: `expected a decimal, came "${text.slice(0, 80)}"` })
  return z.NEVER
})
const price = amount.refine((text) => (toMillionths(text) ?? MILLION + 1) <= MILLION, 'expected a price within 0 and 1')
const size = amount.refine((text) => text !== '0' && toMillionths(text) !== 0, 'expected a size above 0')

const seconds = z
  .string()
  .regex(/^\d{1,11}$/, 'expected whole seconds')
  .transform((text) => Number(text) * 1_000)
const side = z
  .string()
  .regex(/^(?:buy|sell)$/i, 'expected BUY or SELL')
  .transform((text): 'buy' | 'sell' => (text.toLowerCase() === 'buy' ? 'buy' : 'sell'))
const address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/i, 'expected 0x and 40 hex digits')
  .transform((text) => text.toLowerCase())
const maybeAddress = z.preprocess((value) => (value === '' || value === null ? undefined : value), address.optional())
/** Keys in Postgres, which takes no NUL and only short texts. */
const token = z.string().regex(/^\d{1,100}$/, 'expected the digits of a token id')
const condition = z.string().regex(/^[\x21-\x7e]{0,128}$/, 'expected at most 128 visible ASCII characters')
const transactionHash = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'expected 1 to 128 visible ASCII characters')
/** The venue says 999, or nothing, where it knows none. */
const outcomeIndex = z
  .string()
  .nullish()
  .transform((text) => (/^\d{1,2}$/.test(text ?? '') ? Number(text) : undefined))
const ordinal = z.string().regex(/^\d{1,9}$/).transform(Number) // prettier-ignore

export const wrapped = z.object({ ordinal, raw: z.record(z.string(), z.unknown()) })

const tradeFields = { side, price, size, timestamp: seconds }
export const tradeV1 = z
  .object({ ...tradeFields, proxyWallet: maybeAddress, asset: token, conditionId: condition, transactionHash })
  .transform(({ proxyWallet: wallet, asset, ...rest }) => ({ ...rest, wallet, token: asset }))
export const tradeV2 = z
  .object({
    ...tradeFields,
    proxy_wallet: maybeAddress,
    token_id: token,
    condition_id: condition,
    transaction_hash: transactionHash,
  })
  .transform(({ proxy_wallet, token_id, condition_id, transaction_hash, ...rest }) => ({
    ...rest,
    wallet: proxy_wallet,
    token: token_id,
    conditionId: condition_id,
    transactionHash: transaction_hash,
  }))

const activityType = z
  .string()
  .regex(/^(?:split|merge|redeem|conversion)$/i, 'expected SPLIT, MERGE, REDEEM or CONVERSION')
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['split', 'merge', 'redeem', 'conversion']))
const activityFields = { type: activityType, size, timestamp: seconds }
const maybeCondition = condition.nullish().transform((text) => text ?? '')
export const activityV1 = z
  .object({
    ...activityFields,
    proxyWallet: address,
    conditionId: maybeCondition,
    usdcSize: amount,
    outcomeIndex,
    transactionHash,
  })
  .transform(({ proxyWallet: wallet, ...rest }) => ({ ...rest, wallet }))
export const activityV2 = z
  .object({
    ...activityFields,
    proxy_wallet: address,
    condition_id: maybeCondition,
    usdc_size: amount,
    outcome_index: outcomeIndex,
    transaction_hash: transactionHash,
  })
  .transform(({ proxy_wallet, condition_id, usdc_size, outcome_index, transaction_hash, ...rest }) => ({
    ...rest,
    wallet: proxy_wallet,
    conditionId: condition_id,
    usdcSize: usdc_size,
    outcomeIndex: outcome_index,
    transactionHash: transaction_hash,
  }))
