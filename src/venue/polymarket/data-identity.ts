import { createHash } from 'node:crypto'
import type { ElementIdentity } from '../../domain/data-page.ts'
import { toMillionths } from '../../domain/decimal.ts'
import { firstNumber, firstString } from '../../lib/json-elements.ts'
import { toAmountText } from './data-amount.ts'

/** Of one that lacks a field: its text. Whoever reads the stream says what is wrong with it. */
const byText = (raw: string): string => `raw ${createHash('sha1').update(raw).digest('base64url')}`

const keyOf = (raw: string, parts: (string | undefined)[]): string =>
  parts.every((part) => part !== undefined) ? parts.join(' ') : byText(raw)

const either = (raw: string, v1: string, v2: string): string | undefined => firstString(raw, v1) ?? firstString(raw, v2)

/** As the keys in Postgres are: by value, rounded to the millionth. What is no such number stays its text. */
const amountOf = (raw: string, key: string): string | undefined => {
  const text = firstNumber(raw, key) ?? firstString(raw, key)
  const millionths = toMillionths(toAmountText(text ?? '') ?? '')
  return millionths === undefined ? text : String(millionths)
}

const whereAndWhen = (raw: string): Pick<ElementIdentity, 'conditionId' | 'exchangeTimeMs'> => {
  const seconds = firstNumber(raw, '"timestamp"') ?? firstString(raw, '"timestamp"')
  const exchangeTimeMs = Number(seconds) * 1_000
  return {
    conditionId: either(raw, '"conditionId"', '"condition_id"'),
    exchangeTimeMs: Number.isSafeInteger(exchangeTimeMs) ? exchangeTimeMs : undefined,
  }
}

/** Undefined where it names none. */
export const transactionOf = (raw: string): string | undefined => either(raw, '"transactionHash"', '"transaction_hash"')

/** Identity of a fill without parsing it: (transaction, token, side, price, size), equal for what is one key in Postgres. */
export const identifyTrade = (raw: string): ElementIdentity => {
  const token = either(raw, '"asset"', '"token_id"')
  const side = firstString(raw, '"side"')?.toLowerCase()
  const amounts = [amountOf(raw, '"price"'), amountOf(raw, '"size"')]
  return { key: keyOf(raw, [transactionOf(raw), token, side, ...amounts]), ...whereAndWhen(raw) }
}

export const identifyActivity = (raw: string): ElementIdentity => {
  const { conditionId, exchangeTimeMs } = whereAndWhen(raw)
  const wallet = either(raw, '"proxyWallet"', '"proxy_wallet"')?.toLowerCase()
  const type = firstString(raw, '"type"')?.toLowerCase()
  const outcome = firstNumber(raw, '"outcomeIndex"') ?? firstNumber(raw, '"outcome_index"') ?? ''
  const amounts = [amountOf(raw, '"size"'), amountOf(raw, '"usdcSize"') ?? amountOf(raw, '"usdc_size"')]
  const key = keyOf(raw, [transactionOf(raw), wallet, type, conditionId ?? '', ...amounts, outcome])
  return { key: `activity ${key}`, conditionId, exchangeTimeMs }
}
