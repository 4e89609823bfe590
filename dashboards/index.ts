import { FEEDS } from './feeds.ts'
import { NORMALIZER } from './normalizer.ts'
import { OVERVIEW } from './overview.ts'
import { STORAGE } from './storage.ts'
import { WORKERS } from './workers.ts'

/** By the name of its file. */
export const DASHBOARDS = {
  overview: OVERVIEW,
  feeds: FEEDS,
  normalizer: NORMALIZER,
  storage: STORAGE,
  workers: WORKERS,
}
