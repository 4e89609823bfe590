import { createHash } from 'node:crypto'
import type { ElementIdentity } from '../../domain/data-page.ts'
import { firstNumber, firstString } from '../../lib/json-elements.ts'

/** Of one that lacks a field: its text. Whoever reads the stream says what is wrong with it. */
const byText = (raw: string): string => `raw ${createHash('sha1').update(raw).digest('base64url')}`

const keyOf = (raw: string, parts: (string | undefined)[]): string =>
  parts.every((part) => part !== undefined) ? parts.join(' ') : byText(raw)

const either = (raw: string, v1: string, v2: string): string | undefined => firstString(raw, v1) ?? firstString(raw, v2)

const whereAndWhen = (raw: string): Pick<ElementIdentity, 'conditionId' | 'exchangeTimeMs'> => {
  const seconds = firstNumber(raw, '"timestamp"') ?? firstString(raw, '"timestamp"')
  const exchangeTimeMs = Number(seconds) * 1_000
  return {
    conditionId: either(raw, '"conditionId"', '"condition_id"'),
    exchangeTimeMs: Number.isSafeInteger(exchangeTimeMs) ? exchangeTimeMs : undefined,
  }
}

/**
 * Identity of a fill without parsing it: (transaction, token, side, price, size), equal for equal fills. Numbers by their
 * texts: one version of the API spells a number one way.
 */
export const identifyTrade = (raw: string): ElementIdentity => {
  const hash = either(raw, '"transactionHash"', '"transaction_hash"')
  const token = either(raw, '"asset"', '"token_id"')
  const numbers = [firstNumber(raw, '"price"'), firstNumber(raw, '"size"')]
  return { key: keyOf(raw, [hash, token, firstString(raw, '"side"'), ...numbers]), ...whereAndWhen(raw) }
}

export const identifyActivity = (raw: string): ElementIdentity => {
  const { conditionId, exchangeTimeMs } = whereAndWhen(raw)
  const hash = either(raw, '"transactionHash"', '"transaction_hash"')
  const wallet = either(raw, '"proxyWallet"', '"proxy_wallet"')
  const type = firstString(raw, '"type"')
  const outcome = firstNumber(raw, '"outcomeIndex"') ?? firstNumber(raw, '"outcome_index"') ?? ''
  const key = keyOf(raw, [hash, wallet, type, conditionId ?? '', firstNumber(raw, '"size"'), outcome])
  return { key: `activity ${key}`, conditionId, exchangeTimeMs }
}
