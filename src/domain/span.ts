/** [from, to) of epoch ms. */
export type TimeSpan = { fromTimeMs: number; toTimeMs: number }
