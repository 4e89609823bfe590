import type { BackfillProgress } from '../../workflows/backfill-progress.ts'

const minute = (text: string): string => `${text.slice(0, 16).replace('T', ' ')}Z`

/** One line: how far back it is, and how much it found. */
export const progressText = (progress: BackfillProgress): string => {
  const { state, marketId, slug, from, reached, pages, fills, isCut } = progress
  const where = slug === '' ? marketId : `${marketId} ${slug}`
  const back = reached === undefined ? 'nothing read yet' : `back to ${minute(reached)} of ${minute(from)}`
  const end = isCut ? '; the venue shows no older fills' : ''
  return `${state}: ${where}, ${back}, ${fills} fills in ${pages} pages${end}`
}
