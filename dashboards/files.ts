import { fileURLToPath } from 'node:url'
import { DASHBOARDS } from './index.ts'

export const FOLDER = fileURLToPath(new URL('../deploy/grafana/dashboards/', import.meta.url))

/** What `npm run dashboards` writes: names in `FOLDER` and texts. */
export const dashboardFiles = (): [name: string, text: string][] =>
  Object.entries(DASHBOARDS).map(([name, dashboard]) => [
    `${name}.json`,
    `${JSON.stringify(dashboard, undefined, 2)}\n`,
  ])
