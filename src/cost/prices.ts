/** Money is in microdollars: whole millionths of a dollar. A GB is 10^9 bytes, as providers bill it. */
export type Prices = {
  asOf: string
  redis: {
    perMillionCommands: number
    perGbMonth: number
    freeGb: number
    perGbReceived: number
    freeGbReceived: number
  }
  postgres: {
    perComputeHour: number
    computeUnits: number
    perGbMonth: number
    perGbMonthOfHistory: number
    historyDays: number
    perGbReceived: number
    freeGbReceived: number
  }
  store: { perGbMonth: number }
  /** What the host pays for all that it sends. */
  host: { perGbSent: number; freeGbSent: number }
  temporal: { perMillionActions: number; freeActions: number }
}

export const MICRODOLLARS = 1_000_000
