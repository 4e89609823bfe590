import type { DataApi, ElementIdentity, TradePage, TradePlace } from '../../domain/data-page.ts'
import type { Logger } from '../../lib/log.ts'
import type { Stats } from '../../lib/stats.ts'
import { numberPage, NOTHING_CARRIED, type Carry, type Numbered } from './numbering.ts'

/**
 * Where a walk goes on: a page, what of the one before counts in it, and how many pages it had. `isAnew`: it had to begin
 * anew once, since its cursor was refused.
 */
export type WalkPlace = { place: TradePlace; carry: Carry; pages: number; isAnew: boolean }

/**
 * A page of a walk from newest to oldest. `next`: undefined at its end. `isCut`: it ends although the list goes on, since the
 * venue shows no more of it, or shows one page again and again, or the walk had as many pages as it may have.
 */
export type Step = {
  elements: Numbered[]
  receivedTimeMs: number
  next: WalkPlace | undefined
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
  /** In all, those before `from` included. */
  mostPages: number
  isPatient?: boolean
  from?: WalkPlace
}

const isRetryable = (error: unknown): boolean =>
  error instanceof Error && 'retryable' in error && error.retryable === true

/** Where to begin anew after a place failed; undefined where its error is to be thrown. */
const elsewhere = ({ place, pages, isAnew }: WalkPlace, isPatient: boolean, error: unknown): WalkPlace | undefined => {
  if (place.type === 'v1') return undefined
  const begun = { carry: NOTHING_CARRIED, pages, isAnew: true }
  if (place.cursor !== undefined && !isRetryable(error) && !isAnew) {
    return { ...begun, place: { type: 'v2', cursor: undefined } }
  }
  if (isPatient && place.cursor !== undefined && isRetryable(error)) return undefined
  return { ...begun, place: { type: 'v1', offset: 0 } }
}

const isSame = (left: TradePlace, right: TradePlace): boolean =>
  left.type === 'v2' && right.type === 'v2' && left.cursor === right.cursor

const toStep = (page: TradePage, at: WalkPlace, mostPages: number, { identify }: WalkDeps): Step => {
  const { elements, carry } = numberPage({ raws: page.elements, place: at.place, carry: at.carry }, identify)
  const { receivedTimeMs, next } = page
  const pages = at.pages + 1
  if (next === undefined || isSame(next, at.place) || pages >= mostPages) {
    return { elements, receivedTimeMs, next: undefined, isCut: page.isCut || next !== undefined }
  }
  return { elements, receivedTimeMs, next: { place: next, carry, pages, isAnew: at.isAnew }, isCut: false }
}

/**
 * Pages from the newest fill on, or from a place. A cursor that is refused (it may have aged) makes the walk begin anew by v2,
 * once. Where that is refused too or v2 is away, it begins anew by v1, which knows no cursor. What is told twice is known.
 *
 * @throws DataApiError when v1 fails as well, or where the walk is patient.
 */
export async function* walk(given: Walk, deps: WalkDeps, signal: AbortSignal): AsyncGenerator<Step> {
  const { source, log, stats } = deps
  const { conditionIds, limit, mostPages, isPatient = false } = given
  const begun = (): WalkPlace => ({ place: source.begin(), carry: NOTHING_CARRIED, pages: 0, isAnew: false })
  let at: WalkPlace | undefined = given.from ?? begun()
  while (at !== undefined) {
    let page: TradePage
    try {
      page = await source.trades({ conditionIds, limit, place: at.place }, signal)
    } catch (error) {
      signal.throwIfAborted()
      at = elsewhere(at, isPatient, error)
      if (at === undefined) throw error
      log.warn({ error, place: at.place }, '/v2/trades is away or refuses: beginning anew')
      stats.count('dataFallbacks')
      continue
    }
    const step: Step = toStep(page, at, mostPages, deps)
    yield step
    at = step.next
  }
}
