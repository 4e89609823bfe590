export type Series = { name: string; labels: Record<string, string>; value: number }

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Series of a page in Prometheus's text format; throws at a line that is none. */
export const parseExposition = (text: string): Series[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels, value] = LINE.exec(line) ?? []
      if (name === undefined || value === undefined) throw new Error(`not a line of the format: ${line}`)
      const pairs = [...(labels ?? '').matchAll(LABEL)].map((match) => [match[1] ?? '', match[2] ?? ''])
      return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }
    })

/** Sum of the series with this name and these labels; undefined where there is none. */
export const valueIn = (series: Series[], name: string, labels: Record<string, string> = {}): number | undefined => {
  const found = series.filter(
    (one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}
