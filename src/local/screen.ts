/** A block at the end of the terminal that is drawn over itself; lines said meanwhile go above it. */
export type Screen = {
  /** Removes the block. */
  clear: () => void
  say: (line: string) => void
  draw: (lines: string[]) => void
}

const CLEAR_BELOW = '\x1b[J'
const CLEAR_ALL = '\x1b[2J\x1b[H'

const rowsOf = (lines: string[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)), 0)

/** Cuts what does not fit into the height: the cursor cannot go above the first row. */
const fitting = (lines: string[], columns: number, rows: number): string[] => {
  let kept = lines
  while (kept.length > 1 && rowsOf(kept, columns) >= rows) kept = kept.slice(0, -1)
  return kept
}

export const createScreen = (terminal: NodeJS.WriteStream): Screen => {
  let drawn: string[] = []
  const up = () => {
    const rows = rowsOf(drawn, terminal.columns)
    return drawn.length === 0 ? '' : `\x1b[${rows}A\r${CLEAR_BELOW}`
  }
  const text = (lines: string[]) => lines.map((line) => `${line}\n`).join('')
  terminal.on('resize', () => {
    terminal.write(CLEAR_ALL + text(drawn))
  })
  return {
    clear: () => {
      terminal.write(up())
      drawn = []
    },
    say: (line) => {
      terminal.write(up() + text([line, ...drawn]))
    },
    draw: (lines) => {
      const before = up()
      drawn = fitting(lines, terminal.columns, terminal.rows)
      terminal.write(before + text(drawn))
    },
  }
}

/** Where nobody can draw: lines only. */
export const createPlainScreen = (out: NodeJS.WritableStream): Screen => ({
  say: (line) => {
    out.write(`${line}\n`)
  },
  draw: () => undefined,
  clear: () => undefined,
})
