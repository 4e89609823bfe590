import { DASHBOARDS } from '../../dashboards/index.ts'

export type DrawnPanel = { dashboard: string; title: string; exprs: string[] }

const exprOf = (target: object): string[] => ('expr' in target && typeof target.expr === 'string' ? [target.expr] : [])

/** Every panel that asks something, in the order of the dashboards. */
export const drawnPanels = (): DrawnPanel[] =>
  Object.entries(DASHBOARDS).flatMap(([dashboard, { panels = [] }]) =>
    panels.flatMap((panel) =>
      'targets' in panel ? [{ dashboard, title: panel.title ?? '', exprs: (panel.targets ?? []).flatMap(exprOf) }] : [],
    ),
  )
