import fc from 'fast-check'
import type { Frame, FrameKind, StreamEntry } from '../../src/domain/frame.ts'
import { levelKey } from './normalizer-rows.ts'
import { TOKENS } from './normalizer-tape.ts'
import { venueHash } from './venue-hash.ts'

const PRICES = ['0.1', '0.2', '0.3', '0.4']
const SIZES = ['0', '1', '2', '50.5']
const START_MS = 1_790_000_000_000

type Token = (typeof TOKENS)[number]
type SideLevels = Map<string, string>
type Books = Record<Token, { bid: SideLevels; ask: SideLevels; timeMs: number; tick: string }>

const token = fc.constantFrom(...TOKENS)
const change = fc.record({
  token,
  side: fc.constantFrom('BUY', 'SELL'),
  price: fc.constantFrom(...PRICES),
  size: fc.constantFrom(...SIZES),
})
const waitMs = fc.constantFrom(0, 0, 1, 3)

/** What happens, in the venue's order. Every act but the losses is delivered to the tape. */
const act = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('change'), waitMs, changes: fc.array(change, { minLength: 1, maxLength: 3 }) }) }, // prettier-ignore
  { weight: 4, arbitrary: fc.record({ type: fc.constant('trade'), waitMs, changes: fc.array(change, { maxLength: 3 }), lateBy: fc.nat(3), price: fc.nat(1000) }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ type: fc.constant('lose'), change }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('wait'), waitMs: fc.constantFrom(50, 150, 1_200) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('replay'), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('reconnect'), isTold: fc.boolean(), changes: fc.array(change, { maxLength: 2 }) }) }, // prettier-ignore
  { weight: 3, arbitrary: fc.record({ type: fc.constant('rest'), token, back: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('marker'), token, kind: fc.constantFrom('overflow', 'paused', 'subscribed', 'snapshot_missing') }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ type: fc.constant('other'), text: fc.constantFrom('PONG', '{"event_type":"x"}', '{"a":', 'tick') }) }, // prettier-ignore
)
const depth = fc.record({ type: fc.constant('depth'), levels: fc.constantFrom(0, 1, 2, 3, 7) })
export type Act = typeof act | typeof depth extends fc.Arbitrary<infer T> ? T : never
export const acts = fc.array(act, { maxLength: 40 })
/** The same, and now and then another number of levels is kept. */
export const depthActs = fc.array(fc.oneof({ weight: 5, arbitrary: act }, { weight: 1, arbitrary: depth }), {
  maxLength: 40,
})

const levelsJson = (levels: SideLevels) =>
  [...levels].map(([price, size]) => ({ price, size })).toSorted((a, b) => Number(a.price) - Number(b.price))

/** A venue with two books, one connection after the other, and a stream that now and then loses an entry. */
export class Venue {
  readonly entries: StreamEntry[] = []
  timeMs = START_MS
  #books: Books = Object.fromEntries(
    TOKENS.map((name) => [name, { bid: new Map(), ask: new Map(), timeMs: START_MS, tick: '0.01' }]),
  ) as Books
  #connection = 0
  #lastTradePrice = ''
  #ordinal = 0
  #lateBooks: { afterActs: number; texts: string[]; timeMs: number }[] = []
  /**
   * Texts of `book`s of the last states, oldest first: REST is never staler than the last loss, nor caught between two
   * batches of one millisecond (nothing but the hash could tell).
   */
  #history: Record<Token, string[]> = { [TOKENS[0]]: [], [TOKENS[1]]: [] }

  constructor() {
    this.#connect()
  }

  levels(name: Token): Map<string, string> {
    const { bid, ask } = this.#books[name]
    const pairs = (side: string, levels: SideLevels) =>
      [...levels].map(([price, size]) => [levelKey(side, price), String(Number(size))] as const)
    return new Map([...pairs('bid', bid), ...pairs('ask', ask)])
  }

  play(all: Act[]): void {
    for (const one of all) {
      this.#play(one)
      for (const late of this.#lateBooks) late.afterActs -= 1
      this.#deliverLate(({ afterActs, timeMs }) => afterActs <= 0 || this.timeMs - timeMs >= 8)
    }
    this.#deliverLate(() => true)
    this.#deliver('websocket', '{"event_type":"best_bid_ask","asset_id":"7001","best_bid":"","best_ask":"","timestamp":"1790000000000"}') // prettier-ignore
  }

  /** One more change of each book, then notes 5 s later: whatever batch was open has ended. */
  finish(): void {
    const changes = TOKENS.map((name) => ({ token: name, side: 'BUY', price: '0.05', size: '7' }))
    this.timeMs += 1
    this.#deliver('websocket', this.#change(changes))
    for (const laterMs of [5_000, 200]) {
      this.timeMs += laterMs
      this.#marker({ type: 'asked', tokens: [] })
    }
  }

  /** Takes the nth change away as if it had never been sent: no ordinal tells. Returns when it would have been received. */
  loseSilently(nth: number): number | undefined {
    const isChange = ({ frames }: StreamEntry): boolean => frames[0]?.text.includes('"price_change"') === true
    const candidates = this.entries.filter((entry, at) => isChange(entry) && this.entries.findIndex(({ epoch, firstOrdinal }) => epoch === entry.epoch && firstOrdinal === entry.firstOrdinal) === at) // prettier-ignore
    const lost = candidates.slice(0, -1)[nth % Math.max(candidates.length - 1, 1)]
    if (lost === undefined) return undefined
    const kept = this.entries.filter(
      ({ epoch, firstOrdinal }) => epoch !== lost.epoch || firstOrdinal !== lost.firstOrdinal,
    )
    const moved = kept.map((entry) => ({ ...entry, firstOrdinal: entry.firstOrdinal - (entry.epoch === lost.epoch && entry.firstOrdinal > lost.firstOrdinal ? 1 : 0) })) // prettier-ignore
    this.entries.splice(0, this.entries.length, ...moved)
    return lost.frames[0]?.receivedTimeMs
  }

  #play(one: Act): void {
    switch (one.type) {
      case 'change':
        this.timeMs += one.waitMs
        return this.#deliver('websocket', this.#change(one.changes))
      case 'trade': {
        this.timeMs += one.waitMs
        this.#lastTradePrice = (one.price / 1000).toFixed(3)
        this.#change(one.changes)
        const texts = TOKENS.map((name) => this.#book(name, this.timeMs))
        this.#lateBooks.push({ afterActs: one.lateBy, texts, timeMs: this.timeMs })
        this.timeMs += 1
        return this.#note()
      }
      case 'wait':
        this.#deliverLate(() => true)
        this.timeMs += one.waitMs
        return
      case 'lose':
        this.#lateBooks = []
        this.#change([one.change])
        this.#ordinal += 1
        return this.#forget()
      case 'replay':
        for (const again of this.entries.slice(-one.count)) this.#append(again)
        return
      case 'reconnect':
        if (one.isTold) this.#marker({ type: 'gap', reason: 'disconnect', tokens: TOKENS, detail: '' })
        this.#lateBooks = []
        this.timeMs += 5
        this.#change(one.changes)
        return this.#connect()
      case 'rest':
        return this.#deliver('rest', this.#history[one.token].at(-1 - one.back) ?? this.#book(one.token))
      case 'marker':
        this.#deliverLate(() => true)
        if (one.kind === 'subscribed') return this.#marker({ type: 'subscribed', tokens: TOKENS })
        if (one.kind === 'overflow') this.#forget()
        return this.#marker({ type: 'gap', reason: one.kind, tokens: [one.token], detail: '' })
      case 'depth':
        return this.#marker({ type: 'depth', levels: one.levels })
      case 'other':
        this.#deliverLate(() => true)
        return this.#deliver('websocket', one.text === 'tick' ? this.#tick() : one.text)
    }
  }

  #connect(): void {
    this.#connection += 1
    this.#ordinal = 0
    this.#forget()
    for (const name of TOKENS) this.#deliver('websocket', this.#book(name))
  }

  #change(changes: { token: Token; side: string; price: string; size: string }[]): string {
    for (const { token: name, side, price, size } of changes) {
      const levels = this.#books[name][side === 'BUY' ? 'bid' : 'ask']
      if (size === '0') levels.delete(price)
      else levels.set(price, size)
      this.#books[name].timeMs = this.timeMs
    }
    this.#note()
    const price_changes = changes.map(({ token: asset_id, ...rest }) => ({
      asset_id,
      ...rest,
      hash: this.#hash(asset_id, this.timeMs),
    }))
    return JSON.stringify({ event_type: 'price_change', market: '0x09', timestamp: String(this.timeMs), price_changes })
  }

  #book(name: Token, timeMs = this.#books[name].timeMs): string {
    const { bid, ask } = this.#books[name]
    const sides = { bids: levelsJson(bid), asks: levelsJson(ask).toReversed() }
    const head = {
      event_type: 'book',
      market: '0x09',
      asset_id: name,
      timestamp: String(timeMs),
      hash: this.#hash(name, timeMs),
    }
    return JSON.stringify({ ...head, ...sides })
  }

  #hash(name: Token, timeMs: number): string {
    const { bid, ask, tick: tickSize } = this.#books[name]
    const sides = { bids: levelsJson(bid), asks: levelsJson(ask).toReversed() }
    const said = { market: '0x09', asset_id: name, timestamp: String(timeMs), ...sides }
    return venueHash(said, { tickSize, lastTradePrice: this.#lastTradePrice })
  }

  #tick(): string {
    this.#books[TOKENS[0]].tick = '0.001'
    const tick = { event_type: 'tick_size_change', asset_id: TOKENS[0], new_tick_size: '0.001' }
    return JSON.stringify({ ...tick, timestamp: String(this.timeMs) })
  }

  #note(): void {
    for (const name of TOKENS) {
      const stamp = `"timestamp":"${this.#books[name].timeMs}"`
      const older = this.#history[name].filter((text) => !text.includes(stamp))
      this.#history[name] = [...older, this.#book(name)].slice(-6)
    }
  }

  /** Frames were lost: from here on REST was fetched after the loss. */
  #forget(): void {
    for (const name of TOKENS) this.#history[name] = []
  }

  #deliverLate(isDue: (late: { afterActs: number; timeMs: number }) => boolean): void {
    const due = this.#lateBooks.filter(isDue)
    this.#lateBooks = this.#lateBooks.filter((late) => !isDue(late))
    for (const text of due.flatMap(({ texts }) => texts)) this.#deliver('websocket', text)
  }

  #marker(marker: unknown): void {
    this.#deliver('marker', JSON.stringify(marker))
  }

  #deliver(kind: FrameKind, text: string): void {
    this.#ordinal += 1
    // The receive clock may step back.
    const receivedTimeMs = this.timeMs + 20 - (this.entries.length % 5) * 7
    const frames: Frame[] = [{ kind, receivedTimeMs, sourceReceivedTimeMs: undefined, text }]
    const epoch = `${START_MS + this.#connection}-00000000`
    this.#append({ stream: 'orderbook:9', id: '', epoch, firstOrdinal: this.#ordinal, frames })
  }

  #append(entry: StreamEntry): void {
    this.entries.push({ ...entry, id: `${this.entries.length + 1}-0` })
  }
}
