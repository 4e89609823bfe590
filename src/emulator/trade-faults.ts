import type { Random } from './random.ts'

/** How trades come about, and how the two sources tell them. May be changed while the emulator runs. */
export type TradeFaults = {
  /** Share of taker's orders that meet several levels: several fills of one transaction. */
  sweepShare: number
  /** Share of fills that two makers of the same size met: equal fills of one transaction. */
  equalShare: number
  /** The Data API shows a fill or activity up to so much later, then in its place by time. */
  lateMs: number
  /** Share of fills that no socket hears. */
  socketMissShare: number
  /** Share of fills that the Data API never shows. None is missed by both. */
  dataMissShare: number
  /** Share of further pages of `/trades` that begin with the end of the page before, as if trades had come in between. */
  repeatShare: number
}

export const NO_TRADE_FAULTS: TradeFaults = {
  sweepShare: 0.08,
  equalShare: 0.15,
  lateMs: 0,
  socketMissShare: 0,
  dataMissShare: 0,
  repeatShare: 0,
}

export type Fate = { missedBy: 'socket' | 'data_api' | undefined; lateMs: number }

export const fateOf = (faults: TradeFaults, random: Random): Fate => {
  const drawn = random.next()
  const lateMs = random.between(0, faults.lateMs)
  if (drawn < faults.socketMissShare) return { missedBy: 'socket', lateMs }
  return { missedBy: drawn < faults.socketMissShare + faults.dataMissShare ? 'data_api' : undefined, lateMs }
}
