import type { MarketProgress } from '../normalizer/progress.ts'

const NO_PROGRESS: MarketProgress = { epoch: '', ordinal: 0, subscription: 'active', outcomes: [] }

/** `ingestion_offsets.progress` of a stream that nothing was read of. */
export const NO_PROGRESS_JSON = JSON.stringify(NO_PROGRESS)
