import { coverage } from './coverage.ts'
import { depth } from './depth.ts'
import type { Metric } from './metric.ts'
import { midOhlc } from './mid-ohlc.ts'
import { spread } from './spread.ts'
import { tradeCount } from './trade-count.ts'
import { tradeOhlc } from './trade-ohlc.ts'
import { volatility } from './volatility.ts'
import { volume } from './volume.ts'

/** One line each. */
export const METRICS: readonly Metric[] = [coverage, volatility, spread, depth, midOhlc, tradeOhlc, tradeCount, volume]
