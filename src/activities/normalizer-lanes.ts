import { MarketTape } from '../normalizer/market-tape.ts'
import { Commits, type CommitsDeps } from './normalizer-commits.ts'
import { marketsAmong, type Tape } from './normalizer-tapes.ts'

/**
 * Two rows of commits beside each other: `books` has the streams of markets, `shared` the few that no one market has (catalogue,
 * trades of the Data API). Each is in order in itself, as two shards are. What a poll brings at once, some hundred trades or
 * markets, takes 20 to 200 ms to write: no commit of books waits for it.
 */
export class Lanes {
  readonly books: Commits
  readonly shared: Commits

  constructor(deps: CommitsDeps) {
    this.books = new Commits(deps)
    this.shared = new Commits(deps)
  }

  of(tape: Tape): Commits {
    return tape instanceof MarketTape ? this.books : this.shared
  }

  /** Of both, the older: see `Commits`. */
  get waitingSinceMs(): number | undefined {
    const times = [this.books.waitingSinceMs, this.shared.waitingSinceMs].filter((time) => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** As `Commits.mark`: in the turn in which rows were added. */
  mark(tapes: Iterable<Tape>): void {
    const all = [...tapes]
    this.books.mark(marketsAmong(all))
    this.shared.mark(all.filter((tape) => this.of(tape) === this.shared))
  }

  /** Waits where the batch of books is full. The shared streams are to be left alone while `shared.isHeld`. */
  async admit(): Promise<void> {
    await this.books.admit()
    if (!this.shared.isHeld) await this.shared.admit()
  }

  /** Both to their ends, whatever becomes of one. */
  async settle(): Promise<void> {
    const ends = await Promise.allSettled([this.books.settle(), this.shared.settle()])
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }
}
