import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { SOURCE } from './source.ts'
import type { Query } from './queries.ts'

export type Panel = StatBuilder | TimeseriesBuilder

/** From which value on a figure is orange or red; with `isBadBelow` it is where it is less. */
type Bounds = { warn: number; bad: number; isBadBelow?: boolean }

const steps = ({ warn, bad, isBadBelow }: Bounds) =>
  isBadBelow === true
    ? [
        { value: null, color: 'red' },
        { value: bad, color: 'orange' },
        { value: warn, color: 'green' },
      ]
    : [
        { value: null, color: 'green' },
        { value: warn, color: 'orange' },
        { value: bad, color: 'red' },
      ]

const thresholds = (bounds: Bounds) => new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps(bounds))

const PLAIN = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([{ value: null, color: 'blue' }])

type Figure = { title: string; about: string; unit: string; expr: string; bounds?: Bounds; decimals?: number }

/** One number, coloured by its bounds, six to a row: what is looked at first. */
export const figure = ({ title, about, unit, expr, bounds, decimals }: Figure): Panel => {
  const panel = new StatBuilder()
    .title(title)
    .description(about)
    .datasource(SOURCE)
    .unit(unit)
    .height(4)
    .span(4)
    .noValue('nothing')
    .colorMode(bounds === undefined ? BigValueColorMode.Value : BigValueColorMode.Background)
    .graphMode(BigValueGraphMode.Area)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(bounds === undefined ? PLAIN : thresholds(bounds))
    .withTarget(new DataqueryBuilder().expr(expr).refId('A').range())
  return decimals === undefined ? panel : panel.decimals(decimals)
}

/** `min`: where the axis begins, 0 unless figures may be negative. */
type Lines = { title: string; about: string; unit: string; queries: Query[]; span?: number; min?: 'auto' }

const REF_IDS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** Figures over time; three to a row unless `span` says how many of 24 columns. */
export const lines = ({ title, about, unit, queries, span = 8, min }: Lines): Panel => {
  const panel = new TimeseriesBuilder()
    .title(title)
    .description(about)
    .datasource(SOURCE)
    .unit(unit)
    .height(8)
    .span(span)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
  return queries.reduce(
    (drawn, { expr, legend }, index) =>
      drawn.withTarget(new DataqueryBuilder().expr(expr).legendFormat(legend).refId(REF_IDS.charAt(index)).range()),
    min === 'auto' ? panel : panel.min(0),
  )
}
