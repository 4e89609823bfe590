import { CATALOGUE } from '../../src/metrics/catalogue.ts'
import type { MetricRow } from '../../src/metrics/row.ts'

const HEAD = `# Metrics

Made from \`src/metrics/catalogue.ts\`; a test fails where the two differ, and \`npx vitest run test/unit/metrics-page.test.ts -u\`
writes this file anew. Each process has a page of its own (\`/metrics\`); Prometheus adds the labels job (the role) and instance.
Which clock a latency is read from is said in ARCHITECTURE.md, under Metrics. Beside these each page has the process metrics of
prom-client (\`process_…\`, \`nodejs_…\`) and those of the Temporal SDK (\`temporal_…\`, durations in seconds).
`

const valuesOf = ({ source, label }: MetricRow): string => {
  if (label === '') return ''
  const known = (): string[] => {
    switch (source.from) {
      case 'figures':
        return Object.keys(source.figures)
      case 'family':
        return [...source.values]
      case 'distributions':
        return Object.keys(source.distributions)
      case 'figure':
      case 'share':
        return []
    }
  }
  const values = known().map((value) => `\`${value}\``)
  return values.length === 0 ? '' : ` ${label}: ${values.join(', ')}.`
}

const lineOf = (row: MetricRow): string => {
  const { name, type, help, label, roles } = row
  const labelled = label === '' ? name : `${name}{${label}}`
  return `- \`${labelled}\` (${type}; ${roles.join(', ')}): ${help}${valuesOf(row)}\n`
}

/** The text of METRICS.md. */
export const metricsDocument = (): string => `${HEAD}\n${CATALOGUE.map(lineOf).join('')}`
