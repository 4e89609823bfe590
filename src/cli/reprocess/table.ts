import type { ReprocessResult } from '../../activities/reprocess.ts'

const COUNTED: [ReprocessResult['result'], string][] = [
  ['applied', 'applied'],
  ['stale', 'stale'],
  ['rejected', 'rejected again'],
  ['refused', 'refused'],
  ['planned', 'would be fed'],
  ['waiting', 'waiting for a normalizer'],
]

const HEAD = ['id', 'stream', 'reason', 'result', 'detail']
const LONGEST_CELL = 100

const cell = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > LONGEST_CELL ? `${line.slice(0, LONGEST_CELL - 1)}…` : line
}

const summary = (results: ReprocessResult[]): string => {
  const counts = COUNTED.map(([result, words]): [number, string] => [
    results.filter((one) => one.result === result).length,
    words,
  ])
  const parts = counts.filter(([count]) => count > 0).map(([count, words]) => `${count} ${words}`)
  return `${results.length} dead ${results.length === 1 ? 'letter' : 'letters'}: ${parts.join(', ')}`
}

/** One line a dead letter, then the counts. */
export const resultTable = (results: ReprocessResult[]): string => {
  if (results.length === 0) return 'no dead letters to feed'
  const rows = results.map(({ letter, result, detail }) =>
    [String(letter.deadLetterId), letter.stream, letter.reason, result, detail].map(cell),
  )
  const widths = HEAD.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const lines = [HEAD, ...rows].map((row) =>
    row
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${lines.join('\n')}\n\n${summary(results)}`
}
