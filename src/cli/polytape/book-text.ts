import { ladders } from './ladder-text.ts'
import { fit, folded, type Palette } from './paint.ts'
import type { ShownBook } from './shown-book.ts'

const isBlank = (line: string | undefined): boolean => line !== undefined && line.replaceAll('│', '').trim() === ''

/** A book for a person: what it is, how far it can be trusted, and the ladders. */
export const bookText = (book: ShownBook, depth: number, view: { width: number; palette: Palette }): string => {
  const head = [
    view.palette.strong(fit(book.question, view.width).trimEnd()),
    ...folded(book.warning === undefined ? [] : [book.warning], view.width).map(view.palette.warn),
    ...folded(book.facts, view.width).map(view.palette.faint),
  ]
  const lines = ladders(book, depth, view).map((line) => line.trimEnd())
  while (isBlank(lines.at(-1))) lines.pop()
  return `${[...head, '', ...lines].join('\n')}\n`
}
