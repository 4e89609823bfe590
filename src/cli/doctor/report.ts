import { fit, type Palette } from '../polytape/paint.ts'
import type { Finding, Level } from './finding.ts'

const LEVELS: Level[] = ['ok', 'warn', 'FAIL']

const countText = (findings: Finding[]): string =>
  LEVELS.map((level) => `${findings.filter((finding) => finding.level === level).length} ${level}`).join(', ')

const paintOf = (level: Level, { bid, warn, ask }: Palette) => ({ ok: bid, warn, FAIL: ask })[level]

const widest = (texts: string[]): number => Math.max(0, ...texts.map((text) => text.length))

/** A line each, and under it what to do; then how many there are of each kind. */
export const reportText = (findings: Finding[], palette: Palette): string => {
  const areaWidth = widest(findings.map(({ area }) => area))
  const whatWidth = widest(findings.map(({ what }) => what))
  const indent = ' '.repeat(areaWidth + whatWidth + 4)
  const lines = findings.flatMap(({ area, what, level, found, remedy }) => [
    `${fit(area, areaWidth)}  ${fit(what, whatWidth)}  ${paintOf(level, palette)(level.padEnd(4))}  ${found}`,
    ...(remedy === undefined ? [] : [`${indent}${palette.strong('→')}     ${remedy}`]),
  ])
  return `${[...lines, '', countText(findings)].join('\n')}\n`
}

/** For machines: `{ok, findings: [{area, what, level, found, remedy?}]}`. */
export const reportJson = (findings: Finding[]): string =>
  `${JSON.stringify({ ok: !isBad(findings), findings }, undefined, 2)}\n`

export const isBad = (findings: Finding[]): boolean => findings.some(({ level }) => level === 'FAIL')
