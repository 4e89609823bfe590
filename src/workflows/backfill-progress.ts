/**
 * How a backfill stands. `reached`: time of the oldest fill that was read. `isCut`: the venue shows no older ones, though
 * there are.
 */
export type BackfillProgress = {
  state: 'running' | 'done'
  marketId: string
  slug: string
  conditionId: string
  from: string
  to: string
  pages: number
  fills: number
  reached?: string
  isCut: boolean
}

/** Before the catalogue has said which market it is. */
export const begunProgress = ({
  market,
  from,
  to,
}: {
  market: string
  from: string
  to: string
}): BackfillProgress => ({
  state: 'running',
  marketId: market,
  slug: '',
  conditionId: '',
  from,
  to,
  pages: 0,
  fills: 0,
  isCut: false,
})

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const stateOf = ({ state, isCut }: BackfillProgress): string =>
  isCut ? `**${state}**, but the venue shows no older fills` : `**${state}**`

/** Markdown for the Temporal UI. */
export const backfillDetails = (progress: BackfillProgress): string => {
  const { marketId, slug, from, to, pages, fills, reached } = progress
  const rows: [string, string][] = [
    ['state', stateOf(progress)],
    ['market', slug === '' ? marketId : `${marketId} (${slug})`],
    ['from … to', `${from} … ${to}`],
    ['back to', reached ?? 'nothing read yet'],
    ['pages, fills', `${pages}, ${fills}`],
  ]
  return ['| | |', '|---|---|', ...rows.map(([name, text]) => `| ${name} | ${cell(text)} |`)].join('\n')
}
