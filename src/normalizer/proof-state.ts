import type { Book, BookLevels } from '../domain/book.ts'
import type { Claim, Verdict } from './judge.ts'

/** What the elements of one batch share: the venue's time, the hash of the book after its last change, best prices. */
export type BatchMark = Claim & { exchangeTimeMs: number; bestBid: string; bestAsk: string; receivedTimeMs: number }

/** `unverifiable` is not clean: an input of the hash is missing or unknown, or no batch was judged yet. */
export type ProofState = 'verified' | 'unverifiable'
export type BatchVerdict = Verdict | 'unverifiable'

/** What was proved last when something went wrong: the loss lies after it. */
export type Since = { sinceTimeMs: number | undefined; lastGoodSequence: number | undefined }

/**
 * A batch that ended wrong: an alarm, unless an older book comes late and explains it. `lacking`: the book without the rest
 * of the batch, where a newer whole book has overtaken that.
 */
export type Doubt = Since &
  Claim & { exchangeTimeMs: number; raisedTimeMs: number; detail: string; lacking?: BookLevels | undefined }

export type Received = { receivedTimeMs: number }
export type Verified = { hash: string; sequence: number } & Received

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
