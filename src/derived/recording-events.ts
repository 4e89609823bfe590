import { ROWLESS_TIER, writesRows } from '../domain/shed.ts'
import type { MarketListener, Moment } from '../normalizer/listener.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import { addLiquidity, gapEvent, subscriptionEvent } from './liquidity-rows.ts'

/** Of what was shed, only where it left no rows was a gap told. */
const endingShed = ({ writer }: OutcomeTape): number | undefined =>
  writesRows(writer.tier) ? writer.sheds[ROWLESS_TIER - 1] : undefined

/** The gap that a snapshot ends is still there when it is told; one that opens has just taken its sequence. */
const tellGap = (outcome: OutcomeTape, kind: 'snapshot' | 'gap', { capturedTimeMs, batch }: Moment): void => {
  const sequences = kind === 'gap' ? [outcome.sequence] : [outcome.gapSequence, endingShed(outcome)]
  const type = kind === 'gap' ? 'gap_opened' : 'gap_closed'
  for (const sequence of sequences) {
    if (sequence === undefined) continue
    addLiquidity(batch, gapEvent(outcome, type, { sequence, observedTimeMs: capturedTimeMs }))
  }
}

/** Since when a market is recorded, paused or stopped, and between which instants nothing is known of a book. */
export const createRecordingEvents = (tape: MarketTape): MarketListener => {
  let { subscription } = tape
  return {
    afterBook: (outcome, kind, moment) => {
      if (kind !== 'change') tellGap(outcome, kind, moment)
    },
    afterFrame: (_, context) => {
      if (tape.subscription === subscription) return
      ;({ subscription } = tape)
      addLiquidity(context.batch, subscriptionEvent(tape.market.marketId, subscription, context))
    },
  }
}
