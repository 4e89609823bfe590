import { inFamily, type MetricRow } from './row.ts'

export type Figures = Readonly<Record<string, number>>

/** `label`: value of the row's label; '' where it has none. */
export type Value = { label: string; value: number }

/** A family that grew beyond this would be a mistake: the rest of it is added up as `other`. */
const MOST_LABELS = 100

const ofFamily = (family: string, shown: readonly string[], figures: Figures): Value[] => {
  const prefix = inFamily(family, '')
  const counted = Object.keys(figures).filter((name) => name.startsWith(prefix))
  const labels = [...new Set([...shown, ...counted.map((name) => name.slice(prefix.length))])]
  const values = labels.map((label) => ({ label, value: figures[inFamily(family, label)] ?? 0 }))
  const rest = values.splice(MOST_LABELS)
  const other = rest.reduce((sum, { value }) => sum + value, 0)
  return rest.length === 0 ? values : [...values, { label: 'other', value: other }]
}

const ofFigure = (figure: string, isCounter: boolean, figures: Figures): Value[] => {
  const value = figures[figure] ?? (isCounter ? 0 : undefined)
  return value === undefined ? [] : [{ label: '', value }]
}

const ofShare = (part: string, whole: string, figures: Figures): Value[] => {
  const all = figures[whole] ?? 0
  return all === 0 ? [] : [{ label: '', value: (figures[part] ?? 0) / all }]
}

const found = ({ type, source }: MetricRow, figures: Figures): Value[] => {
  switch (source.from) {
    case 'figure':
      return ofFigure(source.figure, type === 'counter', figures)
    case 'figures':
      return Object.entries(source.figures).map(([label, name]) => ({ label, value: figures[name] ?? 0 }))
    case 'family':
      return ofFamily(source.family, source.values, figures)
    case 'share':
      return ofShare(source.part, source.whole, figures)
    case 'distributions':
      return []
  }
}

/** What a row says of these figures, in its own unit. */
export const valuesOf = (row: MetricRow, figures: Figures): Value[] => {
  const per = 'per' in row.source ? (row.source.per ?? 1) : 1
  return found(row, figures).map(({ label, value }) => ({ label, value: value / per }))
}
