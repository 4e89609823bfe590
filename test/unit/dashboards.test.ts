import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dashboardFiles, FOLDER } from '../../dashboards/files.ts'
import { DASHBOARDS } from '../../dashboards/index.ts'
import { CATALOGUE } from '../../src/metrics/catalogue.ts'
import { writtenAlerts, PROMETHEUS_FOLDER } from '../support/alert-file.ts'
import { drawnPanels } from '../support/dashboard-panels.ts'

const GRID_COLUMNS = 24
/** What Grafana 12 writes; an older one is migrated when it is loaded. */
const SCHEMA_VERSION = 42

describe('the committed dashboards', () => {
  it('are what the code generates: npm run dashboards', () => {
    const files = dashboardFiles()
    expect(readdirSync(FOLDER).toSorted()).toEqual(files.map(([name]) => name).toSorted())
    for (const [name, text] of files) expect(readFileSync(join(FOLDER, name), 'utf8') === text, name).toBe(true)
  })

  it('have addresses of their own', () => {
    const uids = Object.values(DASHBOARDS).map(({ uid }) => uid)
    expect(new Set(uids).size).toBe(uids.length)
    expect(uids.every((uid) => /^[a-z-]{1,40}$/.test(uid ?? ''))).toBe(true)
  })
})

describe.each(Object.entries(DASHBOARDS))('the dashboard %s', (_, { panels = [], ...dashboard }) => {
  it('is of the present schema, and asks the Prometheus that is chosen at its top', () => {
    expect(dashboard.schemaVersion).toBe(SCHEMA_VERSION)
    expect(dashboard.templating?.list).toMatchObject([{ type: 'datasource', name: 'datasource', query: 'prometheus' }])
    const sources = panels.flatMap((panel) => ('targets' in panel ? [panel.datasource] : []))
    expect(sources.length).toBeGreaterThan(0)
    for (const source of sources) expect(source).toEqual({ type: 'prometheus', uid: '${datasource}' })
  })

  it('gives each panel an id, and places it beside the others', () => {
    const ids = panels.map(({ id }) => id)
    expect(ids).toEqual(panels.map((_panel, index) => index + 1))
    const taken = new Set<string>()
    for (const { title, gridPos } of panels) {
      if (gridPos === undefined) throw new Error(`${title} has no place`)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(GRID_COLUMNS)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x},${y}`), `${title} lies on another panel`).toBe(false)
          taken.add(`${x},${y}`)
        }
      }
    }
  })

  it('says of each panel what it shows and in which unit, and names each line once', () => {
    for (const panel of panels) {
      if (!('targets' in panel)) continue
      expect(panel.description, panel.title).toMatch(/\.$/)
      expect(panel.fieldConfig?.defaults.unit, panel.title).toBeTruthy()
      const refIds = panel.targets?.map((target) => 'refId' in target && target.refId) ?? []
      expect(refIds.length, panel.title).toBeGreaterThan(0)
      expect(new Set(refIds).size, panel.title).toBe(refIds.length)
    }
  })
})

/** Every metric of ours that an expression asks, without what Prometheus adds to the names of histograms. */
const metricsIn = (text: string): string[] =>
  [...text.matchAll(/\bpolytape_\w+/g)].map(([name]) => name.replace(/_bucket$/, ''))

/** Labels by which an expression chooses or groups. */
const labelsIn = (text: string): string[] => [
  ...[...text.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map((match) => match[1] ?? ''),
  ...[...text.matchAll(/\b(?:by|on) \(([\w, ]*)\)/g)].flatMap((match) => (match[1] ?? '').split(', ')),
]

/** Of Prometheus and of a histogram. */
const GIVEN_LABELS = ['job', 'instance', 'le', 'alertname', 'alertstate']

const exprOf = (text: string): string => (text.split('expr: ')[1] ?? '').split(/\n\s+(?:for|labels): /)[0] ?? ''

const asked = [
  ...drawnPanels().flatMap(({ dashboard, title, exprs }) => exprs.map((expr) => [`${dashboard}: ${title}`, expr])),
  ...writtenAlerts().map(({ name, text }) => [`alert ${name}`, exprOf(text)]),
]

describe('what is asked', () => {
  it.each(asked)('%s: of metrics and labels that there are', (_, expr = '') => {
    const rows = metricsIn(expr).map((name) => CATALOGUE.find((row) => row.name === name))
    expect(rows).not.toContain(undefined)
    if (rows.length === 0) return expect(expr).toMatch(/\b(temporal_|process_|nodejs_|up|ALERTS)/)
    const known = [...GIVEN_LABELS, ...rows.map((row) => row?.label ?? '')]
    expect(labelsIn(expr).filter((label) => !known.includes(label))).toEqual([])
  })
})

const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

describe('the alert rules', () => {
  const runbook = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8')
  const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map((match) => slug(match[1] ?? ''))
  const cases = readFileSync(new URL('alerts.test.yml', PROMETHEUS_FOLDER), 'utf8')

  it.each(writtenAlerts())('$name links to its section of the runbook, which nobody else has', ({ name, anchor }) => {
    expect(anchor).toBe(slug(name))
    expect(anchors.filter((one) => one === anchor)).toHaveLength(1)
  })

  it.each(writtenAlerts())('$name has a test of when it fires and one of when it does not', ({ name }) => {
    expect(cases).toContain(`- name: ${name} fires\n`)
    expect(cases).toContain(`- name: ${name} stays silent\n`)
  })
})
