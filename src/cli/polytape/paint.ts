type Paint = (text: string) => string

/** Colours of a terminal, or none. */
export type Palette = { bid: Paint; ask: Paint; strong: Paint; faint: Paint; warn: Paint }

const plain: Paint = (text) => text
const code =
  (start: number, end: number): Paint =>
  (text) =>
    text === '' ? '' : `\x1b[${start}m${text}\x1b[${end}m`

export const PLAIN: Palette = { bid: plain, ask: plain, strong: plain, faint: plain, warn: plain }

const COLOURED: Palette = {
  bid: code(32, 39),
  ask: code(31, 39),
  strong: code(1, 22),
  faint: code(2, 22),
  warn: code(33, 39),
}

/** Colours only where a person looks at a terminal that has them (https://no-color.org). */
export const paletteOf = (isTerminal: boolean, environment: NodeJS.ProcessEnv): Palette =>
  isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb' ? COLOURED : PLAIN

/** Columns of the terminal, of COLUMNS where there is none, else 100. */
export const widthOf = (columns: number | undefined, environment: NodeJS.ProcessEnv): number => {
  const stated = columns ?? Number(environment['COLUMNS'] ?? '')
  return Number.isInteger(stated) && stated > 0 ? Math.max(40, stated) : 100
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
const lettersOf = (text: string): string[] => Array.from(segmenter.segment(text), ({ segment }) => segment)

/** How many letters a terminal shows of a text. */
export const lengthOf = (text: string): number => lettersOf(text).length

/** Exactly `width` columns: padded, or cut with an ellipsis. */
export const fit = (text: string, width: number): string => {
  const letters = lettersOf(text)
  if (letters.length <= width) return text + ' '.repeat(width - letters.length)
  return `${letters.slice(0, Math.max(0, width - 1)).join('')}…`
}

/** As few lines as fit, broken at the separators. */
export const folded = (texts: string[], width: number): string[] => {
  const lines: string[] = []
  for (const text of texts) {
    const last = lines.at(-1)
    if (last === undefined || lengthOf(last) + 3 + lengthOf(text) > width) lines.push(text)
    else lines[lines.length - 1] = `${last} · ${text}`
  }
  return lines.map((line) => fit(line, width).trimEnd())
}
