import type { Distribution } from '../lib/distribution.ts'
import type { MetricRow } from './row.ts'

const inBraces = (labels: [string, string][]): string => {
  const texts = labels.filter(([name]) => name !== '').map(([name, value]) => `${name}="${value}"`)
  return texts.length === 0 ? '' : `{${texts.join(',')}}`
}

type Part = { row: MetricRow; label: string; per: number; distribution: Distribution }

const linesOf = ({ row: { name, label: labelName }, label, per, distribution }: Part): string[] => {
  const { bounds, counts, sum } = distribution.read()
  const own: [string, string] = [labelName, label]
  let total = 0
  const buckets = bounds.map((bound, bucket) => {
    total += counts[bucket] ?? 0
    return `${name}_bucket${inBraces([own, ['le', String(bound / per)]])} ${total}`
  })
  const all = total + (counts[bounds.length] ?? 0)
  return [
    ...buckets,
    `${name}_bucket${inBraces([own, ['le', '+Inf']])} ${all}`,
    `${name}_sum${inBraces([own])} ${sum / per}`,
    `${name}_count${inBraces([own])} ${all}`,
  ]
}

/**
 * A histogram in Prometheus's text format. Not by prom-client, which knows single observations alone: ours are counted in
 * bins of their own, a frame each, and read when somebody scrapes.
 */
export const histogramText = (row: MetricRow, find: (name: string) => Distribution | undefined): string => {
  const { name, help, source } = row
  if (source.from !== 'distributions') return ''
  const lines = Object.entries(source.distributions).flatMap(([label, kept]) => {
    const distribution = find(kept)
    return distribution === undefined ? [] : linesOf({ row, label, per: source.per ?? 1, distribution })
  })
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines, ''].join('\n')
}
