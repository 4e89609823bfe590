import type { CheckpointRow } from '../../src/normalizer/checkpoint-row.ts'
import { newBatch } from '../../src/normalizer/batch.ts'
import { addBookRows, type RowKind, type RowLevel } from '../../src/normalizer/book-row.ts'
import { toCheckpoints } from '../../src/normalizer/checkpoint.ts'
import { newTape } from './normalizer-tape.ts'

/** One written row; the truth that a rebuild is compared with is made of these alone. */
type HistoryRow = {
  sequence: number
  capturedTimeMs: number
  kind: RowKind
  side: 'bid' | 'ask'
  price: string
  size: string
}
type HistoryGap = {
  gapSequence: number
  openedTimeMs: number
  detectedTimeMs: number
  closedTimeMs: number | undefined
  firstGoodSequence: number | undefined
  nothingMissed: boolean
}
type HistoryProof = { capturedTimeMs: number; sequence: number; state: 'verified' | 'unverifiable' }

export type History = {
  marketId: string
  outcomeId: string
  rows: HistoryRow[]
  lines: string[]
  checkpoints: CheckpointRow[]
  gaps: HistoryGap[]
  proofs: HistoryProof[]
  /** Of the checkpoint before the first event of the last UTC day. */
  midnightSequence: number
}

export type Random = (limit: number) => number

/** Mulberry32: whole numbers below the limit. */
export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

const EMPTY: RowLevel = { side: 'bid', priceText: '0', sizeText: '0' }
const SIZES = ['1', '12.5', '300', '0.01', '918.34', '1000000']

type Shape = { startTimeMs: number; eventCount: number; longestPauseMs: number }
type Book = Map<string, RowLevel>

const levelOf = (random: Random): RowLevel => {
  const side = random(2) === 0 ? 'bid' : 'ask'
  const cents = side === 'bid' ? 1 + random(49) : 50 + random(50)
  return { side, priceText: String(cents / 100), sizeText: SIZES[random(SIZES.length)] ?? '1' }
}

const pairs = (book: Book, side: 'bid' | 'ask'): [string, string][] =>
  [...book.values()]
    .filter((level) => level.side === side)
    .toSorted((left, right) => (Number(left.priceText) - Number(right.priceText)) * (side === 'bid' ? -1 : 1))
    .map((level) => [level.priceText, level.sizeText])

type Given = Pick<CheckpointRow, 'outcomeId' | 'sequence' | 'capturedTimeMs' | 'bids' | 'asks'>

/** A checkpoint as a tape makes it, but for what is given. */
export const checkpointOf = (
  given: Given,
  resume: Pick<CheckpointRow['resume'], 'status' | 'gapSequence'>,
): CheckpointRow => {
  const row = toCheckpoints(newTape())[0]!
  const marketId = given.outcomeId.split(':')[0] ?? ''
  return { ...row, marketId, streamId: '1-1', ...given, resume: { ...row.resume, ...resume } }
}

/**
 * A random history of one outcome, as a normalizer writes it: snapshots, changes (several of an event too), levels that
 * go and come back, empty books, gaps, events of the same millisecond, restarts that lost the book, and checkpoints at any
 * point (waiting, following, within a gap), with one before the first event of each UTC day.
 */
export const createHistory = (outcomeId: string, random: Random, shape: Shape): History => {
  const history: History = {
    marketId: outcomeId.split(':')[0] ?? '',
    outcomeId,
    rows: [],
    lines: [],
    checkpoints: [],
    gaps: [],
    proofs: [],
    midnightSequence: -1,
  }
  const batch = newBatch()
  const book: Book = new Map()
  let isLost = false
  let status: 'waiting' | 'following' | 'gap' = 'waiting'
  let sequence = 0
  let timeMs = shape.startTimeMs
  let capturedTimeMs = 0

  const write = (kind: RowKind, levels: RowLevel[]): void => {
    sequence += 1
    capturedTimeMs = timeMs
    const event = { marketId: history.marketId, outcomeId, sequence, kind, capturedTimeMs }
    addBookRows(batch, { ...event, exchangeTimeMs: timeMs - 5, sourceReceivedTimeMs: undefined }, levels)
    for (const { side, priceText: price, sizeText: size } of levels) {
      history.rows.push({ sequence, capturedTimeMs, kind, side, price, size })
    }
  }
  const checkpoint = (): void => {
    const gapSequence = status === 'gap' ? history.gaps.at(-1)?.gapSequence : undefined
    const levels = { bids: isLost ? [] : pairs(book, 'bid'), asks: isLost ? [] : pairs(book, 'ask') }
    history.checkpoints.push(checkpointOf({ outcomeId, sequence, capturedTimeMs, ...levels }, { status, gapSequence }))
  }
  const openGap = (): void => {
    const openedTimeMs = Math.max(capturedTimeMs, timeMs - random(3_000))
    status = 'gap'
    write('gap', [EMPTY])
    const open = { closedTimeMs: undefined, firstGoodSequence: undefined, nothingMissed: false }
    history.gaps.push({ gapSequence: sequence, openedTimeMs, detectedTimeMs: timeMs, ...open })
  }
  const snapshot = (): void => {
    book.clear()
    const levels = Array.from({ length: random(8) === 0 ? 0 : 1 + random(30) }, () => levelOf(random))
    for (const level of levels) book.set(`${level.side} ${level.priceText}`, level)
    write('snapshot', book.size === 0 ? [EMPTY] : [...book.values()])
    const gap = history.gaps.at(-1)
    if (status === 'gap' && gap !== undefined) {
      gap.closedTimeMs = timeMs
      gap.firstGoodSequence = sequence
      gap.nothingMissed = random(6) === 0
    }
    status = 'following'
    isLost = false
  }
  const change = (): void => {
    const levels = new Map<string, RowLevel>()
    const count = random(5) === 0 ? 1 + random(6) : 1
    for (let at = 0; at < count; at++) {
      const level = levelOf(random)
      const key = `${level.side} ${level.priceText}`
      levels.set(key, book.has(key) && random(2) === 0 ? { ...level, sizeText: '0' } : level)
    }
    for (const [key, level] of levels) {
      if (level.sizeText === '0') book.delete(key)
      else book.set(key, level)
    }
    write('change', [...levels.values()])
  }
  const prove = (): void => {
    if (history.proofs.at(-1)?.capturedTimeMs === capturedTimeMs || sequence === 0) return
    const state = history.proofs.at(-1)?.state === 'verified' ? 'unverifiable' : 'verified'
    history.proofs.push({ capturedTimeMs, sequence, state })
  }
  const loseBook = (): void => {
    if (status !== 'gap') openGap()
    isLost = true
    checkpoint()
  }
  const step = (): void => {
    const chance = random(100)
    if (status !== 'following') {
      if (chance < 40) snapshot()
      else if (chance < 60 && status === 'waiting') openGap()
      else if (chance < 70 && status === 'gap') loseBook()
    } else if (chance < 90) change()
    else if (chance < 93) snapshot()
    else if (chance < 97) openGap()
    else if (chance < 98) loseBook()
    if (random(25) === 0) prove()
    if (random(20) === 0) checkpoint()
  }
  for (let at = 0; at < shape.eventCount; at++) {
    const nextMs = timeMs + (random(4) === 0 ? 0 : random(shape.longestPauseMs))
    if (dayOf(nextMs) !== dayOf(timeMs)) {
      checkpoint()
      history.midnightSequence = sequence
    }
    timeMs = nextMs
    step()
  }
  history.lines = batch.bookLines
  return history
}

const dayOf = (timeMs: number): number => Math.floor(timeMs / 86_400_000)
