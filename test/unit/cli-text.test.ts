import { describe, expect, it } from 'vitest'
import { bookText } from '../../src/cli/polytape/book-text.ts'
import { coverageText } from '../../src/cli/polytape/coverage-text.ts'
import { lengthOf, PLAIN, paletteOf } from '../../src/cli/polytape/paint.ts'
import type { ShownBook, ShownLevel } from '../../src/cli/polytape/shown-book.ts'
import { toShownLevels } from '../../src/cli/polytape/levels.ts'

const levels = (...texts: string[]): ShownLevel[] =>
  toShownLevels(texts.map((text) => text.split('x')).map(([price = '', size = '']) => [price, size]))

const yes = {
  outcomeId: '5:0',
  name: 'Yes',
  facts: ['sequence 12'],
  bids: levels('0.52x210', '0.51x1000.5', '0.5x3'),
  asks: levels('0.54x20', '0.55x300', '0.56x1', '0.57x2'),
}
const no = { outcomeId: '5:1', name: 'No', facts: [], bids: levels('0.46x20'), asks: levels('0.48x210') }
const book: ShownBook = {
  question: 'Will it rain?',
  warning: undefined,
  facts: ['market 5', 'rain', 'live'],
  outcomes: [yes, no],
}
const text = (shown: ShownBook, width: number, depth = 3): string => bookText(shown, depth, { width, palette: PLAIN })
const linesOf = (shown: string): string[] => shown.split('\n')

describe('a ladder', () => {
  it('stands with asks above bids, best prices at the spread, totals from the best outwards, and what is left out', () => {
    const shown = linesOf(text({ ...book, outcomes: [yes] }, 60))
    const numbers = shown.map((line) =>
      line
        .replaceAll(/[█▏▎▍▌▋▊▉─]+/g, '')
        .trim()
        .split(/\s+/)
        .join(' '),
    )
    expect(numbers.slice(3)).toEqual([
      'Yes 5:0', 'sequence 12', '', 'price size total', '… 1 more asks',
      '0.56 1.00 321.00', '0.55 300.00 320.00', '0.54 20.00 20.00',
      'spread 0.02 · mid 0.53',
      '0.52 210.00 210.00', '0.51 1,000.50 1,210.50', '0.50 3.00 1,213.50', '',
    ]) // prettier-ignore
    const barOf = (price: string) => shown.find((line) => line.trim().startsWith(price))?.match(/█/g)?.length ?? 0
    expect(barOf('0.51')).toBeGreaterThan(2 * barOf('0.55'))
  })

  it('stands beside the other outcome where the width allows, spread lines level, and above it where not', () => {
    const wide = linesOf(text(book, 110))
    expect(wide.filter((line) => line.includes('spread 0.02') && line.split('spread').length === 3)).toHaveLength(1)
    const narrow = linesOf(text(book, 44))
    expect(narrow.filter((line) => line.includes('spread 0.02'))).toHaveLength(2)
    for (const [width, lines] of [
      [110, wide],
      [44, narrow],
    ] as const) {
      for (const line of lines) expect(lengthOf(line), line).toBeLessThanOrEqual(width)
    }
  })

  it('says that a side is empty, and that there is no spread', () => {
    const shown = text(
      {
        ...book,
        outcomes: [
          { ...yes, asks: [] },
          { ...no, bids: [], asks: [] },
        ],
      },
      110,
    )
    expect(shown).toContain('no asks')
    expect(shown).toContain('no bids')
    expect(shown.match(/no spread/g)).toHaveLength(2)
  })

  it('shows prices and sizes as finely as they are, never rounded', () => {
    const fine = { ...yes, bids: levels('0.0015x0.000001'), asks: levels('0.002x9007199254.74') }
    const shown = text({ ...book, outcomes: [fine] }, 80)
    expect(shown).toContain('0.0015')
    expect(shown).toContain('0.000001')
    expect(shown).toContain('9,007,199,254.740000')
    expect(shown).toContain('spread 0.0005 · mid 0.00175')
  })

  it('is coloured only on a terminal that wants it', () => {
    expect(paletteOf(false, {})).toBe(PLAIN)
    expect(paletteOf(true, { NO_COLOR: '1' })).toBe(PLAIN)
    const shown = bookText(book, 3, { width: 110, palette: paletteOf(true, { TERM: 'xterm' }) })
    expect(shown).toContain('\x1b[31m')
    expect(text(book, 110)).not.toContain('\x1b')
  })
})

describe('coverage', () => {
  const none = { importedSeconds: 0, importedFrom: [] }
  const counts = { events: 12_345, verified: 12_000, unverifiable: 0, mismatched: 0, ...none }
  const hourTimeMs = Date.UTC(2026, 10, 23, 20)
  const hours = [
    { ...counts, hourTimeMs, gapSeconds: 0, state: 'available' as const },
    { ...counts, hourTimeMs: hourTimeMs + 3_600_000, gapSeconds: 1.25, state: 'degraded' as const },
    { ...counts, hourTimeMs: hourTimeMs + 7_200_000, gapSeconds: 3600, events: 0, state: 'missing' as const },
  ]
  const lines = linesOf(
    coverageText({ question: 'Will it rain?', facts: ['market 5'], hours }, { width: 100, palette: PLAIN }),
  )

  it('has one line an hour with its figures, a bar and a word; the smallest gap takes a cell', () => {
    expect(lines[1]).toBe('market 5 · 3 hours · 1 available · 1 degraded · 1 missing')
    expect(lines.find((line) => line.startsWith('2026-11-23 20:00'))).toMatch(/12,345 +12,000 +0 +0 +0 +█+ available$/)
    expect(lines.find((line) => line.startsWith('2026-11-23 21:00'))).toMatch(/ 1\.2 +█+░ degraded$/)
    expect(lines.find((line) => line.startsWith('2026-11-23 22:00'))).toMatch(/ 3,600\.0 +·+ missing$/)
    for (const line of lines) expect(lengthOf(line)).toBeLessThanOrEqual(100)
  })

  it('shows which part of an hour was imported, and from where', () => {
    const imported = { ...counts, hourTimeMs, gapSeconds: 0, importedSeconds: 1_800, importedFrom: ['pmxt'] }
    const prices = {
      ...counts,
      hourTimeMs: hourTimeMs + 3_600_000,
      gapSeconds: 3_600,
      importedFrom: ['prices_history'],
    }
    const state = 'imported' as const
    const shown = linesOf(
      coverageText(
        {
          question: '?',
          facts: [],
          hours: [
            { ...imported, state },
            { ...prices, state },
          ],
        },
        { width: 120, palette: PLAIN },
      ),
    )
    expect(shown[1]).toBe('2 hours · 0 available · 0 degraded · 2 imported · 0 missing')
    expect(shown.find((line) => line.startsWith('2026-11-23 20:00'))).toMatch(/ (█+)▒+ imported \(pmxt\)$/)
    expect(shown.find((line) => line.startsWith('2026-11-23 21:00'))).toMatch(/ ░+ imported \(prices_history\)$/)
    for (const line of shown) expect(lengthOf(line)).toBeLessThanOrEqual(120)
  })
})
