import { createEmptyCatalogue, type Catalogue } from './catalogue.ts'
import { createMarket, type VenueMarket } from './market.ts'
import type { ReplayFrame } from './replay-file.ts'
import { identityOf } from './replay-identity.ts'
import { readMessages, tokensOf, type ReplayBook, type ReplayMessage } from './replay-message.ts'

type Seen = { tokens: Set<string>; book: ReplayBook | undefined }

const OUTCOMES = ['Yes', 'No']
const DAY_MS = 86_400_000

/** Numeric text, stable for a condition id. */
const marketIdOf = (conditionId: string): string =>
  String(100_000_000 + (Number.parseInt(conditionId.slice(2, 14), 16) % 900_000_000))

const note = (seen: Map<string, Seen>, message: ReplayMessage): void => {
  const market = seen.get(message.market) ?? { tokens: new Set(), book: undefined }
  for (const token of tokensOf(message)) market.tokens.add(token)
  if (message.event_type === 'book') market.book ??= message
  seen.set(message.market, market)
}

const makeUp = (conditionId: string, seen: Seen, span: { from: number; to: number }): VenueMarket => {
  const marketId = marketIdOf(conditionId)
  const identity = seen.book === undefined ? undefined : identityOf(seen.book)
  return createMarket({
    marketId,
    conditionId,
    questionId: conditionId,
    slug: `replay-${marketId}`,
    question: `Replay of market ${conditionId.slice(0, 10)}`,
    eventId: marketId,
    tags: [],
    series: undefined,
    tokens: [...seen.tokens].map((token, at) => ({ token, outcome: OUTCOMES[at] ?? `Outcome ${at + 1}` })),
    tickSize: identity?.tickSize ?? seen.book?.tick_size ?? '0.01',
    minOrderSize: identity?.minOrderSize ?? '5',
    negRisk: identity?.negRisk ?? false,
    version: seen.book?.version,
    lastTradePrice: '',
    closed: false,
    listed: 'open',
    payouts: undefined,
    volume24hr: 1_000,
    bookFromTimeMs: 0,
    createdTimeMs: span.from - DAY_MS,
    endTimeMs: span.to + 365 * DAY_MS,
  })
}

/** Markets with made-up metadata, but for what their hashes tell: outcomes in the order in which their tokens first appear. */
export const catalogueOf = (frames: ReplayFrame[]): Catalogue => {
  const seen = new Map<string, Seen>()
  for (const frame of frames) for (const message of readMessages(frame.text).messages) note(seen, message)
  const span = { from: frames[0]?.receivedTimeMs ?? 0, to: frames.at(-1)?.receivedTimeMs ?? 0 }
  const catalogue = createEmptyCatalogue(() => {
    throw new Error('a replay has only the markets of its file')
  })
  for (const [conditionId, market] of seen) catalogue.add(makeUp(conditionId, market, span))
  return catalogue
}
