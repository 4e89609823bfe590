import type { Book, BookLevels } from '../domain/book.ts'
import type { Claim, Verdict } from './judge.ts'
import type { Quote } from './quote-watch.ts'

/** What the elements of one batch share: the venue's time, the hash of the book after its last change, best prices. */
export type BatchMark = Claim & { exchangeTimeMs: number; bestBid: string; bestAsk: string; receivedTimeMs: number }

/**
 * `unverifiable` is not clean: an input of the hash is missing or unknown, a check was shed, the last batch ended wrong, or none
 * was judged yet.
 */
export type ProofState = 'verified' | 'unverifiable'
export type BatchVerdict = Verdict | 'unverifiable'

/** Figures by verdict. */
export const VERDICT_COUNTERS: Record<BatchVerdict, string> = {
  verified: 'batchesVerified',
  unverifiable: 'batchesUnverifiable',
  mismatch: 'batchesMismatched',
  shed: 'checksShed',
}

/** What was proved last when something went wrong: the loss lies after it. */
export type Since = { sinceTimeMs: number | undefined; lastGoodSequence: number | undefined }

/**
 * What a batch may still come to, whose rest a newer whole book has overtaken: the book without that rest, the last trade
 * prices that were likely then, and best prices where they decide in place of the hash.
 */
type Lacking = { levels: BookLevels; prices: string[]; quote: Quote | undefined }

/** A batch that ended wrong: an alarm, unless an older book comes late and explains it, or its rest completes it. */
export type Doubt = Since &
  Claim & { exchangeTimeMs: number; raisedTimeMs: number; detail: string; lacking?: Lacking | undefined }

export type Received = { receivedTimeMs: number }
/** `hash` is undefined once the book was dropped in a doubt. */
export type Verified = { hash: string | undefined; sequence: number } & Received

export type ProofProgress = {
  state: ProofState
  isHashKnown: boolean
  mark: BatchMark | undefined
  doubt: Doubt | undefined
  verified: Verified | undefined
  snapshot: Claim | undefined
}

/** A book at a position of its history. */
export type Standing = { book: Book; sequence: number }
