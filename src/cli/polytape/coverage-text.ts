import type { CoverageHour } from '../../store/as-of.ts'
import { countText, timeText } from './number-text.ts'
import { fit, folded, type Palette } from './paint.ts'

const HOUR_S = 3_600
const LONGEST_BAR = 40
const SHORTEST_BAR = 6
const TITLES = ['hour (UTC)', 'frames', 'verified', 'unverif.', 'mismatch', 'gap s']

/** A gap of any length takes a cell, and so does what was imported; an hour that is not all gap keeps one of the rest. */
const bar = (hour: CoverageHour, width: number): string => {
  if (hour.state === 'missing') return '·'.repeat(width)
  const cells = (seconds: number, most: number): number => {
    const share = Math.min(1, seconds / HOUR_S)
    return seconds === 0 ? 0 : Math.min(most, Math.max(1, Math.round(share * width)))
  }
  const lost = cells(hour.gapSeconds, hour.state === 'imported' ? width : width - 1)
  const imported = cells(hour.importedSeconds, width - lost)
  const rest = width - lost - imported
  return '█'.repeat(rest) + '▒'.repeat(imported) + '░'.repeat(lost)
}

const gapText = (seconds: number): string => {
  if (seconds === 0) return '0'
  return seconds < 0.1 ? '<0.1' : `${countText(Math.trunc(seconds))}.${Math.floor((seconds % 1) * 10)}`
}

const cellsOf = (hour: CoverageHour): string[] => [
  timeText(hour.hourTimeMs).slice(0, 16),
  ...[hour.events, hour.verified, hour.unverifiable, hour.mismatched].map(countText),
  gapText(hour.gapSeconds),
]

const totals = (hours: CoverageHour[]): string[] => {
  const of = (state: CoverageHour['state']): string => {
    const count = hours.filter((hour) => hour.state === state).length
    return `${count} ${state}`
  }
  return [
    `${hours.length} ${hours.length === 1 ? 'hour' : 'hours'}`,
    of('available'),
    of('degraded'),
    ...(hours.some(({ state }) => state === 'imported') ? [of('imported')] : []),
    of('missing'),
  ]
}

const painter = (state: CoverageHour['state'], palette: Palette) => {
  if (state === 'available') return palette.bid
  return state === 'missing' ? palette.ask : palette.warn
}

export type CoverageTable = { question: string; facts: string[]; hours: CoverageHour[] }

/** The hours of a market as a table, one line and one bar an hour. */
export const coverageText = (
  { question, facts, hours }: CoverageTable,
  { width, palette }: { width: number; palette: Palette },
): string => {
  const rows = hours.map(cellsOf)
  const widths = TITLES.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const align = (cells: string[]): string =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ') // prettier-ignore
  const used = widths.reduce((sum, one) => sum + one + 2, 0)
  const origins = hours.map(({ importedFrom }) => (importedFrom.length === 0 ? '' : ` (${importedFrom.join(', ')})`))
  const longest = Math.max(0, ...origins.map((origin) => origin.length))
  const room = Math.min(LONGEST_BAR, width - used - 'available'.length - 1 - longest)
  const cells = room < SHORTEST_BAR ? 0 : room
  const lines = hours.map((hour, index) => {
    const drawn = cells === 0 ? '' : `${bar(hour, cells)} `
    const state = painter(hour.state, palette)(`${drawn}${hour.state}`)
    return `${align(rows[index] ?? [])}  ${state}${palette.faint(origins[index] ?? '')}`
  })
  const imported = hours.some(({ importedSeconds }) => importedSeconds > 0) ? '▒ imported   ' : ''
  const signs = fit(`█ recorded   ░ inside a gap   ${imported}· nothing recorded`, width).trimEnd()
  const legend = cells === 0 ? [] : ['', palette.faint(signs)]
  return `${[
    palette.strong(fit(question, width).trimEnd()),
    ...folded([...facts, ...totals(hours)], width).map(palette.faint),
    '',
    palette.faint(align(TITLES)),
    ...lines,
    ...legend,
  ].join('\n')}\n`
}
