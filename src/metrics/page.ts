import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Stats } from '../lib/stats.ts'
import { rowsOf } from './catalogue.ts'
import { histogramText } from './histogram-text.ts'
import type { MetricRow, Role } from './row.ts'
import { valuesOf, type Figures } from './values.ts'

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** Of the event loop: at prom-client's 10 ms an idle process would wake a hundred times a second. */
const PRECISION_MS = 20

/** A series that nobody speaks of any more disappears, and one that was never known is not 0. */
const register = (registry: Registry, row: MetricRow, read: () => Figures): void => {
  const { name, help, label } = row
  const given = { name, help, labelNames: label === '' ? [] : [label], registers: [registry] }
  const labelsOf = (value: string): Record<string, string> => (label === '' ? {} : { [label]: value })
  if (row.type === 'counter') {
    const counter = new Counter({
      ...given,
      collect: () => {
        counter.reset()
        for (const { label: own, value } of valuesOf(row, read())) counter.inc(labelsOf(own), value)
      },
    })
    return
  }
  const gauge = new Gauge({
    ...given,
    collect: () => {
      gauge.reset()
      if (label === '') gauge.remove()
      for (const { label: own, value } of valuesOf(row, read())) gauge.set(labelsOf(own), value)
    },
  })
}

type PageDeps = {
  role: Role
  stats: Stats
  /** Metrics of others in the same format. Never rejects. */
  more: () => Promise<string>
}

/** The text of `/metrics`, made when somebody scrapes: between two scrapes it costs nothing. */
export const createPage = ({ role, stats, more }: PageDeps): (() => Promise<string>) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: PRECISION_MS })
  let figures: Figures = {}
  const histograms = rowsOf(role).filter(({ type }) => type === 'histogram')
  for (const row of rowsOf(role)) if (row.type !== 'histogram') register(registry, row, () => figures)
  return async () => {
    const further = more()
    figures = await stats.readAll()
    const texts = histograms.map((row) => histogramText(row, (name) => stats.distribution(name)))
    return [await registry.metrics(), ...texts, await further].join('\n')
  }
}
