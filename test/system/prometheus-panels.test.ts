import { setTimeout as sleep } from 'node:timers/promises'
import { expect, describe, test } from 'vitest'
import { writtenAlerts } from '../support/alert-file.ts'
import { drawnPanels } from '../support/dashboard-panels.ts'
import { openPrometheus, whyNoPrometheus, type TestPrometheus } from '../support/prometheus.ts'
import { openRecording, untilNone } from '../support/recording.ts'

/** What Grafana puts there. */
const filledIn = (expr: string): string => expr.replaceAll('$__rate_interval', '1m')

/** Without the bound, which is the last comparison of a rule. */
const figureOf = (query: string): string => {
  const figure = /^([^]+?) [<>]=? [\d.]+$/.exec(query)?.[1]
  if (figure === undefined) throw new Error(`expected a figure and its bound, got ${query}`)
  return figure
}

/** Nothing new is known before. */
const SCRAPE_MS = 1_000

type Asked = { what: string; expr: string }

/** Asks what was not answered with a number yet; says what is left. */
const createRound = (prometheus: TestPrometheus, asked: Asked[]) => {
  let left = asked
  return async (): Promise<string[]> => {
    await sleep(SCRAPE_MS)
    const looks = left.map(async (one) => ({ one, values: await prometheus.query(filledIn(one.expr)) }))
    const answers = await Promise.all(looks)
    left = answers.flatMap(({ one, values }) => (values.some(({ value }) => Number.isFinite(value)) ? [] : [one]))
    return left.map(({ what, expr }) => `${what}: ${expr}`)
  }
}

describe.skipIf(whyNoPrometheus() !== undefined)('a healthy system under Prometheus', () => {
  test('answers what every panel and every alert rule asks, and no alert fires', async () => {
    await using recording = await openRecording({ markets: 10, rate: 200, env: {} })
    await using prometheus = await openPrometheus(recording.system.folder.state.root)
    const rules = await prometheus.rules()
    expect(rules.map(({ name }) => name)).toEqual(writtenAlerts().map(({ name }) => name))
    const panels = drawnPanels().flatMap(({ dashboard, title, exprs }) =>
      exprs.map((expr) => ({ what: `${dashboard}: ${title}`, expr })),
    )
    expect(panels.length).toBeGreaterThan(60)
    const figures = rules.map(({ name, query }) => ({ what: name, expr: figureOf(query) }))

    await untilNone('questions without an answer', createRound(prometheus, [...panels, ...figures]))
    const roles = await prometheus.query('sum by (job) (up)')
    expect(roles.map(({ labels }) => labels['job'])).toEqual(
      expect.arrayContaining(['control', 'feed', 'normalizer', 'archive']),
    )
    expect((await prometheus.rules()).filter(({ health }) => health !== 'ok')).toEqual([])
    expect(await prometheus.query('ALERTS{alertstate="firing"}')).toEqual([])
  })
})
