/** How an import stands. Counts of rows are of the file or the venue's points; `written` is what is in Postgres of them. */
type Counts = { state: 'running' | 'done'; read: number; refused: number; written: number }

/** `from` and `to`: what the file covers, known once it is staged; so are the figures of the whole. */
export type PmxtProgress = Counts & {
  type: 'pmxt'
  origin: string
  version?: 'v1' | 'v2'
  from?: string
  to?: string
  /** Rows of books in the file, and those of them that are of known markets. */
  rows: number
  staged: number
  markets: number
  marketsDone: number
}

/** `reached`: until when the prices of outcome number `outcome` (from 0) were read. */
export type PricesProgress = Counts & {
  type: 'prices'
  marketId: string
  slug: string
  tokens: string[]
  to: string
  outcome: number
  reached?: string
}

const NOTHING = { state: 'running', read: 0, refused: 0, written: 0 } as const

export const begunPmxt = (origin: string): PmxtProgress => ({
  type: 'pmxt',
  ...NOTHING,
  origin,
  rows: 0,
  staged: 0,
  markets: 0,
  marketsDone: 0,
})

export const begunPrices = (market: string, to: string): PricesProgress => ({
  type: 'prices',
  ...NOTHING,
  marketId: market,
  slug: '',
  tokens: [],
  to,
  outcome: 0,
})

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const pmxtRows = (progress: PmxtProgress): [string, string][] => {
  const { origin, version, from, to, rows, staged, markets, marketsDone } = progress
  if (from === undefined || to === undefined) return [['file', `${origin}, being read`]]
  return [
    ['file', `${origin} (${version ?? ''})`],
    ['from … to', `${from} … ${to}`],
    ['rows of books, of known markets', `${rows}, ${staged}`],
    ['markets done', `${marketsDone} of ${markets}`],
  ]
}

const pricesRows = ({ marketId, slug, tokens, to, outcome, reached }: PricesProgress): [string, string][] => [
  ['market', slug === '' ? marketId : `${marketId} (${slug})`],
  ['outcome', `${Math.min(outcome + 1, tokens.length)} of ${tokens.length}`],
  ['reached', `${reached ?? 'nothing read yet'}, of ${to}`],
]

/** Markdown for the Temporal UI. */
export const importDetails = (progress: PmxtProgress | PricesProgress): string => {
  const { state, read, refused, written } = progress
  const rows: [string, string][] = [
    ['state', `**${state}**`],
    ...(progress.type === 'pmxt' ? pmxtRows(progress) : pricesRows(progress)),
    ['read, refused, written', `${read}, ${refused}, ${written}`],
  ]
  return ['| | |', '|---|---|', ...rows.map(([name, text]) => `| ${name} | ${cell(text)} |`)].join('\n')
}
