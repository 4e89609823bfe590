import type { AlertEvent } from '../domain/alert.ts'
import { fromMillionths, toMillionths } from '../domain/decimal.ts'
import type { Journal, Standing, Watched } from './rule.ts'

/** A crossing as it is written. `cause`: the fill of a trade. */
export type AlertRow = AlertEvent & { cause: string | undefined; webhookUrl: string | undefined }
/** Where a rule stands, as it is written. */
export type AlertStateRow = Standing & { alertId: string; changedTimeMs: number }

/** The rows of one transaction. */
export type AlertRows = { alertEvents: AlertRow[]; alertStates: Map<string, AlertStateRow> }

const MINUTE_MS = 60_000
/** Of one rule: who is called twenty times a second for a minute is not helped by more. */
const MOST_A_MINUTE = 1_200

/** Whether a rule may fire once more in the minute of this receive time; notes that it does. */
const isAllowed = (watched: Watched, capturedTimeMs: number): boolean => {
  const minute = Math.floor(capturedTimeMs / MINUTE_MS)
  if (watched.minute !== minute) {
    watched.minute = minute
    watched.firedInMinute = 0
  }
  watched.firedInMinute = (watched.firedInMinute ?? 0) + 1
  return watched.firedInMinute <= MOST_A_MINUTE
}

const toText = (millionths: number): string =>
  millionths < 0 ? `-${fromMillionths(-millionths)}` : fromMillionths(millionths)

/** As the column gives it after a round trip, without trailing zeros: the text of a crossing is the same wherever it is made. */
const canonical = (decimal: string): string => fromMillionths(toMillionths(decimal) ?? 0)

/** `onCapped`: a rule fires too often; this crossing is not counted and told to nobody. */
export type JournalDeps = { rowsOf: () => AlertRows; now: () => number; onCapped: () => void }

/** Notes what rules do, in them and in the rows that commit with what made them do it. */
export const createJournal = (outcomeId: string, { rowsOf, now, onCapped }: JournalDeps): Journal => {
  const keep = ({ row: { alertId }, state, crossing, lastFiredTimeMs }: Watched, changedTimeMs: number): void => {
    rowsOf().alertStates.set(alertId, { alertId, state, crossing, lastFiredTimeMs, changedTimeMs })
  }
  return {
    fire: (watched, value, { capturedTimeMs, exchangeTimeMs }, cause) => {
      const { alertId, userId, marketId, condition, threshold, webhookUrl } = watched.row
      watched.state = 'fired'
      watched.lastFiredTimeMs = Math.max(watched.lastFiredTimeMs ?? 0, capturedTimeMs)
      if (!isAllowed(watched, capturedTimeMs)) {
        keep(watched, capturedTimeMs)
        return onCapped()
      }
      watched.crossing += 1
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
