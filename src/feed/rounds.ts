type RoundsDeps<T> = {
  /** Each is asked for once in this time, or in as much as the calls a second need. */
  periodMs: number
  /** All that are to be asked for now. */
  list: () => T[]
  /** Rejects when there was no answer: the tokens come again soon. */
  poll: (tokens: T[], signal: AbortSignal) => Promise<void>
  /** Venue time of the newest that has come of it. */
  seenTimeMs: (one: T) => number
  /** Whether another answer is waited for: then it is not still. */
  isOpen: (one: T) => boolean
}

export const TICK_MS = 500
/** 700 KB of books: parsed in a few ms, so that no frame waits for long. The venue takes 500. */
const TOKENS_PER_CALL = 100
const CALLS_AT_ONCE = 16
/** The venue takes 50 a second from one address; requests for lost books come on top. */
const CALLS_A_SECOND = 20
/** Asked for every other round, and every fourth. One that stalls moves at REST, and is neither any more. */
const QUIET_MS = 60_000
/** Of 4,000 tokens at rest, 5 MB of books a second are then 1.3. */
const STILL_MS = 300_000
/** Four rounds may take so long: what stalls is found 6 s later, and within 30 s. */
const LONGEST_MS = 20_000
/** Nobody ticked for so long: nothing was watched. */
const IDLE_MS = 5_000

/** Even over the last two digits, whose remainder by 4 is the number's. */
const turnOf = (token: string): number =>
  2 * (token.charCodeAt(token.length - 2) || 0) + token.charCodeAt(token.length - 1)

/** Rounds over all tokens, spread evenly. */
export class Rounds<T extends { token: string }> {
  readonly #deps: RoundsDeps<T>
  /** Venue time of each token's last change. */
  #newest = new Map<string, number>()
  #failed = new Set<string>()
  #tokens: T[] = []
  #at = 0
  #calls = 0
  #round = 0
  #watchedCount = 0
  #startedTimeMs = 0
  #periodMs = 0
  #tickedTimeMs = 0
  #answeredTimeMs = 0

  constructor(deps: RoundsDeps<T>) {
    this.#deps = deps
  }

  /** Call every `TICK_MS`: asks for the tokens whose turn has come. */
  tick(signal: AbortSignal): void {
    const nowMs = Date.now()
    const wasIdle = this.#watchedCount === 0 || nowMs - this.#tickedTimeMs > IDLE_MS
    if (wasIdle) this.#answeredTimeMs = nowMs
    this.#tickedTimeMs = nowMs
    const isOver = this.#at >= this.#tokens.length && nowMs - this.#startedTimeMs >= this.#periodMs
    if (isOver || this.#tokens.length === 0) this.#begin(nowMs)
    this.#askAgain(signal)
    const share = Math.min(1, (nowMs - this.#startedTimeMs + TICK_MS) / this.#periodMs)
    const to = Math.ceil(this.#tokens.length * share)
    while (this.#at < to && this.#calls < CALLS_AT_ONCE) {
      const some = this.#tokens.slice(this.#at, Math.min(to, this.#at + TOKENS_PER_CALL))
      this.#at += some.length
      void this.#ask(some, signal)
    }
  }

  /** For how long nobody has answered; 0 where there was nothing to ask. */
  unansweredMs(): number {
    return Math.max(0, this.#tickedTimeMs - this.#answeredTimeMs)
  }

  /** Venue time of a token's last change: one that was quiet for long is asked for less often. */
  note(token: string, exchangeTimeMs: number): void {
    if (this.#newest.has(token)) this.#newest.set(token, exchangeTimeMs)
  }

  #begin(nowMs: number): void {
    const all = this.#deps.list()
    this.#watchedCount = all.length
    this.#round += 1
    this.#startedTimeMs = nowMs
    this.#at = 0
    this.#newest = new Map(all.map(({ token }) => [token, this.#newest.get(token) ?? nowMs]))
    const few = this.#dueOf(all, nowMs, 4)
    const isInTime = 4 * this.#durationMs(few) <= LONGEST_MS
    this.#tokens = isInTime ? few : this.#dueOf(all, nowMs, 2)
    this.#periodMs = this.#durationMs(this.#tokens)
    this.#failed = new Set()
  }

  /** `stillRounds`: of so many, a token that is still is asked for in one. */
  #dueOf(all: T[], nowMs: number, stillRounds: number): T[] {
    return all.filter((one) => {
      const restMs = nowMs - Math.max(this.#newest.get(one.token) ?? 0, this.#deps.seenTimeMs(one))
      if (restMs < QUIET_MS || this.#failed.has(one.token)) return true
      const rounds = restMs < STILL_MS || this.#deps.isOpen(one) ? 2 : stillRounds
      return turnOf(one.token) % rounds === this.#round % rounds
    })
  }

  #durationMs(tokens: T[]): number {
    const calls = Math.ceil(tokens.length / TOKENS_PER_CALL)
    return Math.max(this.#deps.periodMs, (calls / CALLS_A_SECOND) * 1_000)
  }

  /** Those that had no answer, one call a tick. */
  #askAgain(signal: AbortSignal): void {
    if (this.#failed.size === 0 || this.#calls >= CALLS_AT_ONCE) return
    const again = this.#tokens.slice(0, this.#at).filter(({ token }) => this.#failed.has(token))
    const some = again.slice(0, TOKENS_PER_CALL)
    for (const { token } of some) this.#failed.delete(token)
    if (some.length > 0) void this.#ask(some, signal)
  }

  async #ask(some: T[], signal: AbortSignal): Promise<void> {
    this.#calls += 1
    try {
      await this.#deps.poll(some, signal)
      this.#answeredTimeMs = Date.now()
    } catch {
      for (const { token } of some) this.#failed.add(token)
    } finally {
      this.#calls -= 1
    }
  }
}
