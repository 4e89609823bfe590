import { barText, decimalText, midText, placesOf } from './number-text.ts'
import { fit, lengthOf, type Palette } from './paint.ts'
import type { ShownBook, ShownLevel, ShownOutcome } from './shown-book.ts'

const GAP = '  '
const LONGEST_BAR = 24
const SHORTEST_BAR = 4
const BETWEEN = ' │ '

/** What all ladders of a book share, so that they can stand side by side. Widths in columns. */
type Layout = {
  depth: number
  askRows: number
  bidRows: number
  factRows: number
  /** Whether any ladder is cut there: then all have a line for it. */
  isAskCut: boolean
  pricePlaces: number
  sizePlaces: number
  price: number
  size: number
  total: number
  bar: number
}

type Rung = ShownLevel & { total: bigint }

const rungs = (levels: ShownLevel[], depth: number): Rung[] => {
  let total = 0n
  return (depth === 0 ? levels : levels.slice(0, depth)).map((level) => {
    total += level.size
    return { ...level, total }
  })
}

const widest = (texts: string[], least: number): number => Math.max(least, ...texts.map((text) => text.length))
const rowsOf = (sides: Rung[][]): number => Math.max(1, ...sides.map((side) => side.length))

const layoutOf = (outcomes: ShownOutcome[], depth: number): Layout => {
  const asks = outcomes.map((outcome) => rungs(outcome.asks, depth))
  const bids = outcomes.map((outcome) => rungs(outcome.bids, depth))
  const all = [...asks, ...bids].flat()
  const pricePlaces = placesOf(all.map((rung) => rung.price), 2) // prettier-ignore
  const sizePlaces = placesOf(all.map((rung) => rung.size), 2) // prettier-ignore
  return {
    depth,
    askRows: rowsOf(asks),
    bidRows: rowsOf(bids),
    isAskCut: depth > 0 && outcomes.some((outcome) => outcome.asks.length > depth),
    factRows: Math.max(0, ...outcomes.map((outcome) => outcome.facts.length)),
    pricePlaces,
    sizePlaces,
    price: widest(all.map((rung) => decimalText(rung.price, pricePlaces)), 5), // prettier-ignore
    size: widest(all.map((rung) => decimalText(rung.size, sizePlaces)), 4), // prettier-ignore
    total: widest(all.map((rung) => decimalText(rung.total, sizePlaces)), 5), // prettier-ignore
    bar: 0,
  }
}

const columnsOf = ({ price, size, total }: Layout): number => price + size + total + 2 * GAP.length

const rungLine = (
  rung: Rung,
  largest: bigint,
  { layout, paint }: { layout: Layout; paint: (text: string) => string },
) => {
  const price = decimalText(rung.price, layout.pricePlaces).padStart(layout.price)
  const size = decimalText(rung.size, layout.sizePlaces).padStart(layout.size)
  const total = decimalText(rung.total, layout.sizePlaces).padStart(layout.total)
  const bar = layout.bar === 0 ? '' : GAP + barText(Number(rung.size) / Number(largest), layout.bar).padEnd(layout.bar)
  return `${paint(price)}${GAP}${size}${GAP}${total}${paint(bar)}`
}

const spreadText = ({ bids, asks }: ShownOutcome, places: number): string => {
  const [bid, ask] = [bids[0], asks[0]]
  if (bid === undefined || ask === undefined) return 'no spread'
  const spread = decimalText(ask.price - bid.price, placesOf([ask.price - bid.price], places))
  return `spread ${spread} · mid ${midText(bid.price, ask.price, places)}`
}

const moreText = (hidden: number, side: string): string => (hidden <= 0 ? '' : `… ${hidden} more ${side}`)

/** Lines of one outcome, each `width` columns wide. */
const ladderLines = (
  outcome: ShownOutcome,
  layout: Layout,
  { width, palette }: { width: number; palette: Palette },
) => {
  const blank = ' '.repeat(width)
  const [asks, bids] = [rungs(outcome.asks, layout.depth), rungs(outcome.bids, layout.depth)]
  const largest = [...asks, ...bids].reduce((most, rung) => (rung.size > most ? rung.size : most), 1n)
  const pad = ' '.repeat(width - columnsOf(layout) - (layout.bar === 0 ? 0 : layout.bar + GAP.length))
  const line = (rung: Rung, paint: (text: string) => string): string => rungLine(rung, largest, { layout, paint }) + pad
  const titles = ['price'.padStart(layout.price), 'size'.padStart(layout.size), 'total'.padStart(layout.total)]
  const blanks = (count: number): string[] => Array.from({ length: Math.max(0, count) }, () => blank)
  const missing = (side: Rung[], text: string): string[] => (side.length === 0 ? [fit(`  no ${text}`, width)] : [])
  return [
    palette.strong(fit(`${outcome.name}  ${outcome.outcomeId}`, width)),
    ...outcome.facts.map((fact) => palette.faint(fit(fact, width))),
    ...blanks(layout.factRows - outcome.facts.length),
    blank,
    palette.faint(fit(titles.join(GAP), width)),
    ...(layout.isAskCut ? [palette.faint(fit(moreText(outcome.asks.length - asks.length, 'asks'), width))] : []),
    ...blanks(layout.askRows - Math.max(1, asks.length)),
    ...missing(asks, 'asks'),
    ...asks.toReversed().map((rung) => line(rung, palette.ask)),
    palette.faint(fit(`── ${spreadText(outcome, layout.pricePlaces)} ${'─'.repeat(width)}`, width).replace('…', '─')),
    ...bids.map((rung) => line(rung, palette.bid)),
    ...missing(bids, 'bids'),
    ...blanks(layout.bidRows - Math.max(1, bids.length)),
    palette.faint(fit(moreText(outcome.bids.length - bids.length, 'bids'), width)),
  ]
}

const withBar = (layout: Layout, width: number): Layout => {
  const room = Math.min(LONGEST_BAR, width - columnsOf(layout) - GAP.length)
  return { ...layout, bar: room < SHORTEST_BAR ? 0 : room }
}

const besides = (blocks: string[][]): string[] =>
  (blocks[0] ?? []).map((_line, row) => blocks.map((block) => block[row] ?? '').join(BETWEEN))

/** The ladders of a book, side by side where the width allows, asks above bids. `depth` 0 means all levels. */
export const ladders = (book: ShownBook, depth: number, { width, palette }: { width: number; palette: Palette }) => {
  const { outcomes } = book
  const layout = layoutOf(outcomes, depth)
  const share = Math.floor((width - BETWEEN.length * (outcomes.length - 1)) / Math.max(1, outcomes.length))
  const least = columnsOf(layout) + GAP.length + SHORTEST_BAR
  if (share >= least) {
    const wide = withBar(layout, share)
    const each = columnsOf(wide) + GAP.length + wide.bar
    const used = Math.max(each, Math.min(share, factsWidth(outcomes)))
    return besides(outcomes.map((outcome) => ladderLines(outcome, wide, { width: used, palette })))
  }
  return outcomes.flatMap((outcome, index) => {
    const alone = withBar(layoutOf([outcome], depth), width)
    const lines = ladderLines(outcome, alone, { width: Math.max(width, columnsOf(alone)), palette })
    return index === 0 ? lines : ['', ...lines]
  })
}

const factsWidth = (outcomes: ShownOutcome[]): number =>
  Math.max(0, ...outcomes.flatMap((outcome) => outcome.facts.map(lengthOf)))
