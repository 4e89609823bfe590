export type Bound = { type: 'at_most' | 'at_least'; value: number }

/** One line of the table and one object of the JSON. */
export type Figure = {
  name: string
  /** Undefined where it could not be measured. */
  value: number | undefined
  unit: string
  /** What must hold; absent where the figure is only told. */
  bound?: Bound
  note?: string
}

type More = Pick<Figure, 'bound' | 'note'>

export const figure = (name: string, value: number | undefined, unit: string, more: More = {}): Figure => ({
  name,
  value,
  unit,
  ...more,
})

export const atMost = (value: number): Bound => ({ type: 'at_most', value })
export const atLeast = (value: number): Bound => ({ type: 'at_least', value })

export type Verdict = 'holds' | 'missed' | 'not_asked'

/** What could not be measured does not hold. */
export const verdictOf = ({ value, bound }: Figure): Verdict => {
  if (bound === undefined) return 'not_asked'
  if (value === undefined) return 'missed'
  const holds = bound.type === 'at_most' ? value <= bound.value : value >= bound.value
  return holds ? 'holds' : 'missed'
}

/** `value` in percent of what a part does alone. */
export const shareOf = (what: string, value: number | undefined, alone: number | undefined): Figure => {
  const percent = value === undefined || alone === undefined || alone === 0 ? undefined : (value / alone) * 100
  const note = alone === undefined ? 'the part was not measured' : `of ${toText(alone)}/s`
  return figure(`  as a share of ${what} alone`, percent, '%', { note })
}

/** Three digits, or whole with separators. */
export const toText = (value: number | undefined): string => {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2)
}
