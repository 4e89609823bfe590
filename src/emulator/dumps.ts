import { emptyCounts, type Connection } from './connection.ts'
import type { LedgerFault } from './ledger.ts'
import type { VenueToken } from './market.ts'
import type { Outbox } from './outbox.ts'
import { dumpText } from './texts.ts'

/** Snapshots of these tokens (all, when empty) are left out of the next `count` dumps. */
export type WithheldSnapshots = { tokens: Set<string>; count: number }

export type DumpOptions = {
  outbox: Outbox
  faults: LedgerFault[]
  withheld: WithheldSnapshots[]
  now: () => number
  /** Beyond it some snapshots silently never come. */
  maxSnapshotTokens: number
  /** Text before each frame: the file's clock of a replay. */
  prefix: (connection: Connection) => string
  /** Called before a snapshot is told: a replay finds its last trade price then. */
  prepare: (token: VenueToken) => void
}

/** Tokens of one subscribe frame; `firstIndex` = how many the connection had before. */
export type Dump = { connection: Connection; tokens: VenueToken[]; firstIndex: number }

const concerns = (withheld: WithheldSnapshots, token: VenueToken): boolean =>
  withheld.tokens.size === 0 || withheld.tokens.has(token.token)

/** Takes out what a fault withholds, and notes it. */
const withhold = ({ connection, tokens }: Dump, options: DumpOptions): VenueToken[] => {
  const hidden = tokens.filter((token) => options.withheld.some((one) => concerns(one, token)))
  if (hidden.length === 0) return tokens
  for (const one of options.withheld) if (tokens.some((token) => concerns(one, token))) one.count--
  options.withheld.splice(0, Infinity, ...options.withheld.filter((one) => one.count > 0))
  const names = hidden.map(({ token }) => token)
  options.faults.push({ type: 'withhold', timeMs: options.now(), connection: connection.id, tokens: names, text: '' })
  return tokens.filter((token) => !hidden.includes(token))
}

const countSnapshot = (connection: Connection, { token, book }: VenueToken): void => {
  const counts = connection.subscriptions.get(token)?.counts ?? emptyCounts()
  counts.snapshots++
  counts.snapshotRows += Math.max(book.bids.count + book.asks.count, 1)
}

/** Sends one array with the books of the tokens; nothing when every one is withheld or not known yet. */
export const sendDump = (dump: Dump, options: DumpOptions): void => {
  const { connection, tokens, firstIndex } = dump
  const isCrowdedOut = (index: number): boolean => index >= options.maxSnapshotTokens && index % 3 === 0
  const crowd = tokens.filter((_, at) => !isCrowdedOut(firstIndex + at))
  const isReady = ({ hash, market }: VenueToken): boolean => hash !== '' && market.bookFromTimeMs <= options.now()
  const sent = withhold({ ...dump, tokens: crowd }, options).filter(isReady)
  if (sent.length === 0 && tokens.length > 0) return
  for (const token of sent) options.prepare(token)
  const names = sent.map(({ token }) => token)
  options.outbox.send(connection, options.prefix(connection) + dumpText(sent), names)
  for (const token of sent) countSnapshot(connection, token)
}
