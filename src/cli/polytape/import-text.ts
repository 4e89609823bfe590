import type { PmxtProgress, PricesProgress } from '../../workflows/import-progress.ts'
import { countText } from './number-text.ts'

const BAR = 20

const bar = (done: number, of: number): string => {
  const filled = of === 0 ? BAR : Math.min(BAR, Math.floor((done / of) * BAR))
  return `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`
}

const minute = (text: string): string => `${text.slice(0, 16).replace('T', ' ')}Z`

const rowsText = ({ read, refused, written }: PmxtProgress | PricesProgress): string =>
  `${countText(read)} rows read, ${countText(written)} written${refused === 0 ? '' : `, ${countText(refused)} refused`}`

const pmxtText = (progress: PmxtProgress): string => {
  const { state, from, to, markets, marketsDone } = progress
  if (from === undefined || to === undefined) return `${state}: reading the file`
  const where = `${minute(from)} to ${minute(to)}, ${countText(marketsDone)} of ${countText(markets)} markets`
  return `${state}: ${bar(marketsDone, markets)} ${where}, ${rowsText(progress)}`
}

const pricesText = (progress: PricesProgress): string => {
  const { state, marketId, slug, tokens, outcome, reached } = progress
  const where = slug === '' ? marketId : `${marketId} ${slug}`
  const until = reached === undefined ? 'nothing read yet' : `until ${minute(reached)}`
  return `${state}: ${bar(outcome, tokens.length)} ${where}, ${until}, ${rowsText(progress)}`
}

/** One line: how far it is, what it read and what became of it. */
export const importText = (progress: PmxtProgress | PricesProgress): string =>
  progress.type === 'pmxt' ? pmxtText(progress) : pricesText(progress)
