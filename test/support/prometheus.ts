import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { ProcessSpec } from '../../src/local/launch.ts'
import { freePort, waitUntil } from '../../src/local/ports.ts'
import { PROMETHEUS_FOLDER } from './alert-file.ts'
import { obtainDebianTools } from './debian-tool.ts'
import type { TestFolder } from './services-folder.ts'
import { openServerOnFreePort, type TestServer } from './services-process.ts'

const [server, promtool] = await obtainDebianTools({ package: 'prometheus', names: ['prometheus', 'promtool'] })

/** Why tests that need Prometheus cannot run, said on the screen too; undefined where they can. */
export const whyNoPrometheus = (): string | undefined => {
  if (server?.type !== 'absent') return undefined
  console.error(`skipped: these tests need Debian's package prometheus. ${server.reason}`)
  return server.reason
}

export const promtoolPath = (): string => {
  if (promtool?.type !== 'found') throw new Error('promtool is missing')
  return promtool.path
}

const series = z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) })
const answer = z.discriminatedUnion('status', [
  z.object({ status: z.literal('success'), data: z.object({ result: z.array(series) }) }),
  z.object({ status: z.literal('error'), error: z.string() }),
])

const rule = z.object({ name: z.string(), query: z.string(), health: z.string() })
const rulesAnswer = z.object({ data: z.object({ groups: z.array(z.object({ rules: z.array(rule) })) }) })

/** One line of an instant query. */
type Value = { labels: Record<string, string>; value: number }

export type TestPrometheus = TestServer & {
  url: string
  /** @throws Error with what Prometheus says of the expression. */
  query: (expr: string) => Promise<Value[]>
  /** Those that it evaluates; `health` is ok once one was. */
  rules: () => Promise<z.infer<typeof rule>[]>
}

/** As committed, but quicker: the answers are wanted within seconds. */
const quicken = (path: string, port: number): void =>
  writeFileSync(
    path,
    readFileSync(path, 'utf8')
      .replace(/(scrape|evaluation)_interval: 10s/g, '$1_interval: 1s')
      .replace('127.0.0.1:9090', `127.0.0.1:${port}`),
  )

/** `deploy/prometheus` where its relative path to the target files leads to those of the given state folder. */
const layOut = (root: string, stateRoot: string, port: number): string => {
  const folder = join(root, 'deploy', 'prometheus')
  mkdirSync(folder, { recursive: true })
  cpSync(fileURLToPath(PROMETHEUS_FOLDER), folder, { recursive: true })
  symlinkSync(stateRoot, join(root, '.polytape'))
  const path = join(folder, 'prometheus.yml')
  quicken(path, port)
  return path
}

const specOf = (binary: string, stateRoot: string, { state }: TestFolder, port: number): ProcessSpec => ({
  name: 'prometheus',
  kind: 'server',
  command: binary,
  args: [
    `--config.file=${layOut(state.root, stateRoot, port)}`,
    `--storage.tsdb.path=${state.path('tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--enable-feature=expand-external-labels',
  ],
  env: { ...process.env, RUNBOOK_URL: 'RUNBOOK.md' },
  cwd: state.root,
  user: undefined,
  stopSignal: 'SIGTERM',
  logPath: state.logPath('prometheus'),
  ready: (signal) => waitUntil(() => isReady(port), 60_000, signal),
})

const isReady = async (port: number): Promise<void> => {
  const { status } = await fetch(`http://127.0.0.1:${port}/-/ready`)
  if (status !== 200) throw new Error(`Prometheus answers ${status}`)
}

const askAt = async (url: string, expr: string): Promise<Value[]> => {
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: expr }) })
  const given = answer.parse(await response.json())
  if (given.status === 'error') throw new Error(`${expr}: ${given.error}`)
  return given.data.result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }))
}

const rulesAt = async (url: string): Promise<z.infer<typeof rule>[]> => {
  const given = rulesAnswer.parse(await (await fetch(`${url}/api/v1/rules`)).json())
  return given.data.groups.flatMap(({ rules }) => rules)
}

/** A real Prometheus with the committed configuration, which finds what runs in the state folder. */
export const openPrometheus = async (stateRoot: string): Promise<TestPrometheus> => {
  if (server?.type !== 'found') throw new Error('prometheus is missing')
  const { path } = server
  const opened = await openServerOnFreePort(
    () => freePort(0),
    async (folder, port) => specOf(path, stateRoot, folder, port),
  )
  const url = `http://127.0.0.1:${opened.port}`
  return { ...opened.server, url, query: (expr) => askAt(url, expr), rules: () => rulesAt(url) }
}
