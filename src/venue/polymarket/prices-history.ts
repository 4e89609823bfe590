import { z } from 'zod'
import { MILLION, toMillionths } from '../../domain/decimal.ts'
import type { TimeSpan } from '../../domain/span.ts'
import { quoteNumbers } from '../../lib/json-numbers.ts'
import type { Stats } from '../../lib/stats.ts'
import { toAmountText } from './data-amount.ts'
import { createDataCalls } from './data-calls.ts'
import { createPace } from './gamma-pace.ts'

/** A price of the past, by the venue's clock. */
type PricePoint = { timeMs: number; priceText: string }
/** `rejected`: raw texts of points that are none. */
type PricePage = { points: PricePoint[]; rejected: string[] }

export type PricesHistory = {
  /** Points of [from, to), at most one in `fidelity` minutes. @throws DataApiError */
  read(query: { token: string; span: TimeSpan; fidelity: number }, signal: AbortSignal): Promise<PricePage>
  /** When a token's history begins; undefined where it has none. @throws DataApiError */
  beginsAt(token: string, signal: AbortSignal): Promise<number | undefined>
}

const TIMEOUT_MS = 20_000
const ATTEMPTS = 5
/** A tenth of what the venue allows. */
const PACE = { requests: 100, periodMs: 10_000 }
const DAY_MINUTES = 1_440

const point = z.object({ t: z.string().regex(/^\d{9,11}$/), p: z.string() })
const body = z.object({ history: z.array(z.unknown()) })

const toPoint = (value: unknown): PricePoint | undefined => {
  const read = point.safeParse(value)
  const priceText = read.success ? toAmountText(read.data.p) : undefined
  const price = priceText === undefined ? undefined : toMillionths(priceText)
  if (!read.success || priceText === undefined || price === undefined || price > MILLION) return undefined
  return { timeMs: Number(read.data.t) * 1_000, priceText }
}

const toPage = (text: string): PricePage | undefined => {
  try {
    const { history } = body.parse(JSON.parse(quoteNumbers(text)))
    const read = history.map((value) => ({ value, point: toPoint(value) }))
    return {
      points: read.flatMap((one) => one.point ?? []),
      rejected: read.flatMap((one) => (one.point === undefined ? [JSON.stringify(one.value)] : [])),
    }
  } catch {
    return undefined
  }
}

/** CLOB `/prices-history`. Source: docs.polymarket.com, prices history. */
export const createPricesHistory = ({ baseUrl, stats }: { baseUrl: string; stats: Stats }): PricesHistory => {
  const pace = createPace(PACE)
  const call = createDataCalls({ baseUrl, timeoutMs: TIMEOUT_MS, attempts: ATTEMPTS, pace, stats, api: 'CLOB' })
  const ask = (given: Record<string, string>, signal: AbortSignal): Promise<PricePage> =>
    call(`prices-history?${new URLSearchParams(given).toString()}`, toPage, signal)
  return {
    read: async ({ token, span, fidelity }, signal) => {
      const [startTs, endTs] = [span.fromTimeMs, span.toTimeMs - 1].map((timeMs) => String(Math.floor(timeMs / 1_000)))
      const given = { market: token, startTs: startTs ?? '', endTs: endTs ?? '', fidelity: String(fidelity) }
      const page = await ask(given, signal)
      const isWithin = ({ timeMs }: PricePoint): boolean => timeMs >= span.fromTimeMs && timeMs < span.toTimeMs
      return { ...page, points: page.points.filter(isWithin).toSorted((left, right) => left.timeMs - right.timeMs) }
    },
    beginsAt: async (token, signal) => {
      const { points } = await ask({ market: token, interval: 'max', fidelity: String(DAY_MINUTES) }, signal)
      return points.length === 0 ? undefined : Math.min(...points.map(({ timeMs }) => timeMs)) - DAY_MINUTES * 60_000
    },
  }
}
