import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Level } from '../../src/domain/book-side.ts'
import { createCollect } from '../../src/activities/import-market.ts'
import { createImportedRows } from '../../src/normalizer/imported-rows.ts'

const START = Date.parse('2026-04-20T13:00:00Z')
const SPAN_MS = 30

type Seen = { after: number } & ({ type: 'book' | 'change'; price: number; size: number } | { type: 'lost' })

const levelOf = (price: number, size: number): Level => {
  const [priceText, sizeText] = [`0.${price}`, String(size)]
  return { price: price * 100_000, size: size * 1_000_000, priceText, sizeText }
}

const size = fc.integer({ min: 0, max: 3 })
const price = fc.integer({ min: 1, max: 9 })
const after = fc.nat({ max: 3 })
const seen: fc.Arbitrary<Seen> = fc.oneof(
  fc.record({ after, type: fc.constant('book' as const), price, size: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ after, type: fc.constant('change' as const), price, size }),
  fc.record({ after, type: fc.constant('lost' as const) }),
)

type Book = Map<string, string>

/** The book as it stands at the end of each millisecond; undefined where something of it is lost. */
const truthOf = (events: Seen[]): (Book | undefined)[] => {
  const truth: (Book | undefined)[] = []
  let at = 0
  let book: Book | undefined
  for (const event of events) {
    for (; at < event.after; at++) truth.push(book)
    book = event.type === 'lost' ? undefined : book && new Map(book)
    if (event.type === 'book') book = new Map([[`0.${event.price}`, String(event.size)]])
    else if (event.type === 'change' && event.size > 0) book?.set(`0.${event.price}`, String(event.size))
    else if (event.type === 'change') book?.delete(`0.${event.price}`)
  }
  for (; at < SPAN_MS; at++) truth.push(book)
  return truth
}

type Row = { id: string; sequence: number; timeMs: number; price: string; size: string; kind: string }

const toRow = (line: string): Row => {
  const [id = '', captured, , , priceText = '', sizeText = '', , , , kind = ''] = line.split('\t')
  const sequence = Number(BigInt(id) >> 16n)
  return { id, sequence, timeMs: Date.parse(captured ?? ''), price: priceText, size: sizeText, kind }
}

/** As `imported_rows_at` does it. */
const rebuild = (rows: Row[], fromTimeMs: number, timeMs: number): Book => {
  const within = rows.filter((row) => row.timeMs >= fromTimeMs && row.timeMs <= timeMs)
  const begun = Math.max(...within.filter(({ kind }) => kind === 'snapshot').map(({ sequence }) => sequence))
  const book: Book = new Map()
  for (const row of within.filter(({ sequence }) => sequence >= begun)) {
    if (row.size === '0') book.delete(row.price)
    else book.set(row.price, row.size)
  }
  return book
}

const run = (events: Seen[], takesAt: ReadonlySet<number>) => {
  const spans = [{ fromTimeMs: START, toTimeMs: START + SPAN_MS }]
  const rows = createImportedRows({
    marketId: '1',
    outcomeId: '1:0',
    source: 'pmxt',
    spans,
    book: undefined,
    earlier: [],
  })
  const lines: string[] = []
  for (const [index, event] of events.entries()) {
    const capturedTimeMs = START + event.after
    const times = { capturedTimeMs, exchangeTimeMs: capturedTimeMs, sourceReceivedTimeMs: undefined }
    if (event.type === 'lost') rows.lose(capturedTimeMs)
    else {
      const level = levelOf(event.price, event.size)
      if (event.type === 'book') rows.apply({ type: 'book', levels: { bids: [level], asks: [] }, ...times })
      else rows.apply({ type: 'changes', changes: [{ side: 'bid', level }], ...times })
    }
    if (takesAt.has(index)) lines.push(...rows.take())
  }
  const filled = rows.end()
  lines.push(...rows.take())
  return { filled, rows: lines.map(toRow) }
}

test('a book is claimed while it is known, from a whole one until something of it is lost, and its rows are those', () => {
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 25 }), fc.array(fc.nat({ max: 24 })), (steps, takes) => {
      let at = 0
      const events = steps.map((step) => ({ ...step, after: (at += step.after) })).filter((one) => one.after < SPAN_MS)
      const { filled, rows } = run(events, new Set(takes))
      const claimed = (timeMs: number) => filled.find((one) => one.fromTimeMs <= timeMs && one.toTimeMs > timeMs)
      truthOf(events).forEach((book, offset) => {
        const span = claimed(START + offset)
        expect(span !== undefined, `claimed at ${offset}`).toBe(book !== undefined)
        if (span === undefined || book === undefined) return
        expect(rebuild(rows, span.fromTimeMs, START + offset), `at ${offset}`).toEqual(book)
      })
      expect(filled.reduce((sum, span) => sum + span.rows, 0)).toBe(rows.length)
      expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
    }),
    { numRuns: 500 },
  )
})

const bookOf = (levels: number, size: number) =>
  Array.from({ length: levels }, (_, index) => {
    const priceText = `0.${String(index + 1).padStart(6, '0')}`
    return { price: index + 1, size: size * 1_000_000, priceText, sizeText: String(size) }
  })

const timesOf = (capturedTimeMs: number) => ({ capturedTimeMs, exchangeTimeMs: capturedTimeMs, sourceReceivedTimeMs: undefined }) // prettier-ignore

const openRows = () => {
  const spans = [{ fromTimeMs: START, toTimeMs: START + SPAN_MS }]
  return createImportedRows({ marketId: '1', outcomeId: '1:0', source: 'pmxt', spans, book: undefined, earlier: [] })
}

test('lines are copied as they become many, however few rows they are of, and none twice', async () => {
  const rows = openRows()
  const copied: string[][] = []
  const collect = createCollect([rows], (lines) => {
    copied.push(lines)
    return Promise.resolve()
  })
  for (let at = 0; at < SPAN_MS; at++) {
    rows.apply({ type: 'book', levels: { bids: bookOf(500, at + 1), asks: [] }, ...timesOf(START + at) })
    await collect(2_000)
    expect(rows.pending()).toBeLessThan(3_000)
  }
  const [span] = rows.end()
  await collect(1)
  expect(copied.length).toBeGreaterThan(5)
  expect(new Set(copied.flat()).size).toBe(span?.rows)
  expect(copied.flat()).toHaveLength(span?.rows ?? 0)
})

test('a book of more levels than its rows can be numbered is lost, be it told at once or level by level', () => {
  const rows = openRows()
  const big = bookOf(32_769, 1)
  expect(rows.apply({ type: 'book', levels: { bids: big.slice(1), asks: [] }, ...timesOf(START) })).toBeUndefined()
  expect(rows.apply({ type: 'book', levels: { bids: [], asks: bookOf(32_768, 2) }, ...timesOf(START + 1) })).toBeUndefined() // prettier-ignore
  const [first] = big
  const change = { side: 'bid' as const, level: first! }
  expect(rows.apply({ type: 'changes', changes: [change], ...timesOf(START + 2) })).toContain('32768 levels')
  expect(rows.apply({ type: 'book', levels: { bids: big, asks: [] }, ...timesOf(START + 3) })).toContain('32768 levels')
  rows.apply({ type: 'book', levels: { bids: bookOf(1, 1), asks: [] }, ...timesOf(START + 4) })
  const filled = rows.end().map(({ fromTimeMs, toTimeMs }) => [fromTimeMs - START, toTimeMs - START])
  expect(filled).toEqual([[0, 2], [4, SPAN_MS]]) // prettier-ignore
  const ids = rows.take().map((line) => line.split('\t')[0])
  expect(new Set(ids).size).toBe(ids.length)
})
