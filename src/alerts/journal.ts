import type { AlertEvent } from '../domain/alert.ts'
import { fromMillionths, toMillionths } from '../domain/decimal.ts'
import type { Journal, Standing, Watched } from './rule.ts'

/** A crossing as it is written. `cause`: the fill of a trade. */
export type AlertRow = AlertEvent & { cause: string | undefined; webhookUrl: string | undefined }
/** Where a rule stands, as it is written. */
export type AlertStateRow = Standing & { alertId: string; changedTimeMs: number }

/** The rows of one transaction. */
export type AlertRows = { alertEvents: AlertRow[]; alertStates: Map<string, AlertStateRow> }

const toText = (millionths: number): string =>
  millionths < 0 ? `-${fromMillionths(-millionths)}` : fromMillionths(millionths)

/** As the column gives it after a round trip, without trailing zeros: the text of a crossing is the same wherever it is made. */
const canonical = (decimal: string): string => fromMillionths(toMillionths(decimal) ?? 0)

/** Notes what rules do, in them and in the rows that commit with what made them do it. */
export const createJournal = (outcomeId: string, rowsOf: () => AlertRows, now: () => number): Journal => {
  const keep = ({ row: { alertId }, state, crossing, lastFiredTimeMs }: Watched, changedTimeMs: number): void => {
    rowsOf().alertStates.set(alertId, { alertId, state, crossing, lastFiredTimeMs, changedTimeMs })
  }
  return {
    fire: (watched, value, { capturedTimeMs, exchangeTimeMs }, cause) => {
      const { alertId, userId, marketId, condition, threshold, webhookUrl } = watched.row
      watched.state = 'fired'
      watched.crossing += 1
      watched.lastFiredTimeMs = capturedTimeMs
      keep(watched, capturedTimeMs)
      rowsOf().alertEvents.push({
        alertId,
        crossing: watched.crossing,
        userId,
        marketId,
        outcomeId,
        condition,
        value: toText(value),
        threshold: threshold === null ? undefined : canonical(threshold),
        exchangeTimeMs,
        capturedTimeMs,
        triggeredTimeMs: now(),
        cause,
        webhookUrl: webhookUrl ?? undefined,
      })
    },
    rearm: (watched, { capturedTimeMs }) => {
      watched.state = 'armed'
      keep(watched, capturedTimeMs)
    },
  }
}
