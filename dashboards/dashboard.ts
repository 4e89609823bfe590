import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  RowBuilder,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Panel } from './panels.ts'

type Section = { title: string; panels: Panel[] }
type Plan = { uid: string; title: string; about: string; sections: Section[] }

const TAG = 'polytape'

const begin = ({ uid, title, about }: Plan): DashboardBuilder =>
  new DashboardBuilder(`polytape: ${title}`)
    .uid(uid)
    .description(about)
    .tags([TAG])
    .readonly()
    .timezone('utc')
    .refresh('10s')
    .time({ from: 'now-30m', to: 'now' })
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'))
    .link(new DashboardLinkBuilder('polytape').type(DashboardLinkType.Dashboards).tags([TAG]).keepTime(true))

/** Panels have ids of their own in the order in which they are listed: links to one panel outlive a restart. */
export const createDashboard = (plan: Plan): Dashboard => {
  const dashboard = begin(plan)
  let id = 0
  for (const { title, panels } of plan.sections) {
    dashboard.withRow(new RowBuilder(title).id(++id))
    for (const panel of panels) dashboard.withPanel(panel.id(++id))
  }
  return dashboard.build()
}
