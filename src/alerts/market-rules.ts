import { toMillionths } from '../domain/decimal.ts'
import type { Batch, FillRow } from '../normalizer/batch.ts'
import type { MarketListener } from '../normalizer/listener.ts'
import type { MarketTape } from '../normalizer/market-tape.ts'
import type { OutcomeTape } from '../normalizer/outcome-tape.ts'
import { checkRule } from './check-rule.ts'
import { createJournal, type AlertRows } from './journal.ts'
import { MOST_METERS, OutcomeRules } from './outcome-rules.ts'
import type { Journal, RuleRow, Standing, Watch, Watched } from './rule.ts'
import { TradeRules } from './trade-rules.ts'

export type MarketRulesDeps = {
  fillKey: (fill: FillRow) => string
  now: () => number
  onCapped: () => void
  /** From now on `tick` has something to do, until it says that it has not. */
  onWaiting: (rules: MarketRules) => void
}

/** Frames that were received so long before may still have to come. */
const IN_FLIGHT_MS = 1_000

type Place = { tape: OutcomeTape; rules: OutcomeRules; trades: TradeRules; journal: Journal }
/** `watched` holds where the rule stands, also of one that is paused or invalid. */
type Held = { watched: Watched; watch: Watch | undefined; place: Place | undefined }

/**
 * Whether this very state of the book is proved. Within a batch of changes it is none that the venue ever had, and one
 * that is not proved may not call anybody.
 */
const isCertain = ({ isProved, verification: { proof } }: OutcomeTape): boolean =>
  isProved && !proof.isOpen && proof.doubt === undefined

/**
 * The rules of one market. A state of a book counts when it is proved: before the next batch changes it, or right after
 * the frame where a rule would change its state, by an early proof. What is not known (a gap, a pause, no proof, a side
 * missing) changes no rule.
 */
export class MarketRules {
  readonly tape: MarketTape
  readonly #deps: MarketRulesDeps
  readonly #places: Place[]
  readonly #held = new Map<string, Held>()
  #rows: AlertRows = { alertEvents: [], alertStates: new Map() }
  #isListening = false

  constructor(tape: MarketTape, deps: MarketRulesDeps) {
    this.tape = tape
    this.#deps = deps
    this.#places = tape.outcomes.map((outcome, at) => ({
      tape: outcome,
      rules: new OutcomeRules(tape.kept.alerts?.[at]),
      trades: new TradeRules(),
      journal: createJournal(outcome.outcome.outcomeId, { ...deps, rowsOf: () => this.#rows }),
    }))
  }

  get alertIds(): Iterable<string> {
    return this.#held.keys()
  }

  /**
   * Takes up a rule as it is written now; undefined, or what is wrong with it. `standing`: as committed; one that is
   * known here already stands where it stands here, unless Postgres fired it since.
   */
  set(row: RuleRow, standing: Standing): string | undefined {
    const before = this.#held.get(row.alertId)
    const known = before === undefined || before.watched.crossing < standing.crossing ? standing : before.watched
    const { state, crossing, lastFiredTimeMs } = known
    const checked = checkRule(row)
    const watch = checked.type === 'valid' && row.status === 'active' ? checked.watch : undefined
    const level = watch === undefined || watch.type === 'market' ? 0 : watch.level
    const rearmLevel = checked.type === 'valid' ? level - checked.hysteresis : level
    const watched = { row, state, crossing, lastFiredTimeMs, level, rearmLevel }
    const place = this.#places[row.outcomeIndex]
    const held = { watched, watch, place }
    this.#held.set(row.alertId, held)
    const reason = checked.type === 'invalid' ? checked.reason : this.#watch(held)
    // Last: what both watch goes on.
    if (before !== undefined) this.#unwatch(before)
    this.#waitIfNeeded()
    return reason
  }

  #watch({ watched, watch, place }: Held): string | undefined {
    if (place === undefined)
      return `outcome_index: the market has ${this.#places.length}, got ${watched.row.outcomeIndex}`
    if (watch?.type === 'book' && !place.rules.add(watch, watched)) {
      return `side, within, window: expected at most ${MOST_METERS} different ones on an outcome`
    }
    if (watch?.type === 'trade') place.trades.add(watched)
    if (watch?.type === 'book' || watch?.type === 'trade') this.#listen()
    return undefined
  }

  #unwatch({ watched, watch, place }: Held): void {
    if (watch?.type === 'book') place?.rules.remove(watch, watched)
    if (watch?.type === 'trade') place?.trades.remove(watched)
  }

  remove(alertId: string): void {
    const held = this.#held.get(alertId)
    if (held === undefined) return
    this.#held.delete(alertId)
    this.#unwatch(held)
  }

  /** All rules as they were committed are set: from here on their market is told. */
  begin(): void {
    for (const { tape, rules } of this.#places) {
      const { status, writer, exchangeTimeMs } = tape
      rules.begin(status === 'following' ? { capturedTimeMs: writer.capturedTimeMs, exchangeTimeMs } : undefined)
    }
    this.#waitIfNeeded()
  }

  /** Whether time alone, or a proof, may change something: only then is there anything to do in a tick. */
  get isWaiting(): boolean {
    return this.#places.some(({ rules }) => rules.isWaiting)
  }

  #waitIfNeeded(): void {
    if (this.isWaiting) this.#deps.onWaiting(this)
  }

  /** Rules fired for this fill before. */
  remember(outcomeId: string, cause: string): void {
    this.#placeOf(outcomeId)?.trades.remember(cause)
  }

  /** New rules, ends of cooldowns, and what was proved at the end of a read. True where a rule changed its state. */
  tick(nowMs: number, batch: Batch): boolean {
    this.#rows = batch
    const before = batch.alertStates.size + batch.alertEvents.length
    for (const { tape, rules, journal } of this.#places) {
      if (!this.#isShown() || !isCertain(tape)) continue
      rules.settleOpen(tape.book, journal)
      rules.settleByTime(
        tape.book,
        { capturedTimeMs: nowMs - IN_FLIGHT_MS, exchangeTimeMs: tape.exchangeTimeMs },
        journal,
      )
    }
    return batch.alertStates.size + batch.alertEvents.length > before
  }

  #isShown(): boolean {
    return this.tape.subscription === 'active' && !this.tape.isResolved
  }

  #placeOf(outcomeId: string): Place | undefined {
    return this.#places.find(({ tape }) => tape.outcome.outcomeId === outcomeId)
  }

  /** A market without rules costs nothing. */
  #listen(): void {
    if (this.#isListening) return
    this.#isListening = true
    const listener: MarketListener = {
      beforeChanges: (outcome, _, { batch }) => this.#settle(outcome, batch),
      afterBook: ({ outcome: { outcomeId } }, kind, at) => {
        if (kind === 'gap') this.#placeOf(outcomeId)?.rules.lose()
        else this.#placeOf(outcomeId)?.rules.note(at)
      },
      afterFill: (fill, batch) => this.#lookAtTrade(fill, batch),
      afterFrame: (_, { batch }) => this.#lookAtFrame(batch),
      keep: () => this.#keep(),
    }
    this.tape.listeners.push(listener)
  }

  #keep(): string {
    const alerts = this.#places.map(({ rules }) => rules.progress())
    return alerts.some((windows) => Object.keys(windows).length > 0) ? `"alerts":${JSON.stringify(alerts)}` : ''
  }

  /** The batch before has ended: its last state is proved now, or never. */
  #settle(outcome: OutcomeTape, batch: Batch): void {
    const place = this.#placeOf(outcome.outcome.outcomeId)
    if (place?.rules.open === undefined || !this.#isShown()) return
    // A whole book still stands as it was claimed. Of a batch that goes on the state before it is none.
    const { isShedding, isOpen } = outcome.verification.proof
    if (isShedding && !isOpen) this.#proveIfWanted(place, batch)
    if (!isCertain(outcome)) return
    this.#rows = batch
    place.rules.settleOpen(outcome.book, place.journal)
  }

  #lookAtFrame(batch: Batch): void {
    for (const place of this.#places) {
      const { tape, rules, journal } = place
      if (rules.open === undefined || !this.#isShown()) continue
      if (!this.#proveIfWanted(place, batch) || !isCertain(tape)) continue
      this.#rows = batch
      rules.settleOpen(tape.book, journal)
    }
    this.#waitIfNeeded()
  }

  /**
   * Whether somebody wants the open state: only then is it hashed, which costs some µs. Where checks are shed it would else
   * not be at all, and so is also for those who only note it.
   */
  #proveIfWanted({ tape, rules }: Place, batch: Batch): boolean {
    const isWanted = rules.isDue(tape.book) || (rules.isNeeded && tape.verification.proof.isShedding)
    if (isWanted && tape.status === 'following' && !isCertain(tape)) tape.verification.proveNow(batch)
    return isWanted
  }

  #lookAtTrade(fill: FillRow, batch: Batch): void {
    const place = this.#placeOf(fill.outcomeId)
    const size = toMillionths(fill.sizeText)
    if (place === undefined || size === undefined) return
    this.#rows = batch
    const { capturedTimeMs, exchangeTimeMs } = fill
    const cause = (): string => this.#deps.fillKey(fill)
    place.trades.look({ size, cause, capturedTimeMs, exchangeTimeMs }, place.journal)
  }
}
