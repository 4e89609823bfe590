import type { DataApi, ElementIdentity, TradePage, TradePlace } from '../../domain/data-page.ts'
import type { Logger } from '../../lib/log.ts'
import type { Stats } from '../../lib/stats.ts'
import { numberPage, NOTHING_CARRIED, type Carry, type Numbered } from './numbering.ts'

/** A page of a walk from newest to oldest. `next` and `carry`: with which the walk goes on; `next` undefined at its end. */
export type Step = {
  elements: Numbered[]
  receivedTimeMs: number
  next: TradePlace | undefined
  carry: Carry
  isCut: boolean
}

export type WalkDeps = {
  source: DataApi
  identify: (raw: string) => ElementIdentity
  log: Logger
  stats: Stats
}

/** `isPatient`: a walk by cursor that has begun is left by what is refused only; what may succeed later is thrown. */
export type Walk = {
  conditionIds: string[]
  limit: number
  isPatient?: boolean
  from?: { place: TradePlace; carry: Carry }
}

const isRetryable = (error: unknown): boolean =>
  error instanceof Error && 'retryable' in error && error.retryable === true

/** Whether v1 is to be asked where this place failed. */
const isLeft = (place: TradePlace, isPatient: boolean, error: unknown): boolean => {
  if (place.type === 'v1') return false
  return !isPatient || place.cursor === undefined || !isRetryable(error)
}

const toStep = (page: TradePage, place: TradePlace, carry: Carry, { identify }: WalkDeps): Step => {
  const numbered = numberPage({ raws: page.elements, place, carry }, identify)
  const { receivedTimeMs, next, isCut } = page
  return { ...numbered, receivedTimeMs, next, isCut }
}

/**
 * Pages from the newest fill on, or from a place. Where v2 is away or refuses, the walk begins anew by v1, which knows no
 * cursor: what it tells twice is known.
 *
 * @throws DataApiError when v1 fails as well, or where the walk is patient.
 */
export async function* walk(given: Walk, deps: WalkDeps, signal: AbortSignal): AsyncGenerator<Step> {
  const { source, log, stats } = deps
  const { conditionIds, limit } = given
  let place: TradePlace | undefined = given.from?.place ?? source.begin()
  let carry = given.from?.carry ?? NOTHING_CARRIED
  while (place !== undefined) {
    let page: TradePage
    try {
      page = await source.trades({ conditionIds, limit, place }, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!isLeft(place, given.isPatient === true, error)) throw error
      log.warn({ error }, '/v2/trades is away or refuses: going on with /trades')
      stats.count('dataFallbacks')
      place = { type: 'v1', offset: 0 }
      continue
    }
    const step = toStep(page, place, carry, deps)
    yield step
    place = step.next
    carry = step.carry
  }
}
