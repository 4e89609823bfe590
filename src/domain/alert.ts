/** A rule that has fired: its `crossing`-th time. Decimals are texts; an absent one is undefined. */
export type AlertEvent = {
  alertId: string
  crossing: number
  userId: string
  marketId: string
  /** Undefined where the condition is the market's. */
  outcomeId: string | undefined
  condition: string
  value: string | undefined
  threshold: string | undefined
  /** The venue's time of what made it true; undefined where the venue says none. */
  exchangeTimeMs: number | undefined
  capturedTimeMs: number
  triggeredTimeMs: number
}

/** By it a receiver knows a repetition, on the channel and at the webhook: the same at every attempt. */
export const alertKey = ({ alertId, crossing }: Pick<AlertEvent, 'alertId' | 'crossing'>): string =>
  `alert:${alertId}:${crossing}`

/** Compact JSON of the channel `alerts` and of the webhook: byte for byte the same for one crossing. */
export const alertText = (event: AlertEvent): string =>
  JSON.stringify({
    id: alertKey(event),
    alertId: event.alertId,
    crossing: event.crossing,
    userId: event.userId,
    marketId: event.marketId,
    outcomeId: event.outcomeId,
    condition: event.condition,
    value: event.value,
    threshold: event.threshold,
    exchangeTimeMs: event.exchangeTimeMs,
    capturedTimeMs: event.capturedTimeMs,
    triggeredTimeMs: event.triggeredTimeMs,
  })
