import { execFile } from 'node:child_process'
import type { System } from './system.ts'

type Answer = { code: number; text: string; tookMs: number }

/** Runs the `temporal` binary as an operator does; `text` is all that it printed. */
export const runTemporal = ({ run }: System, ...args: string[]): Promise<Answer> => {
  const began = Date.now()
  const { temporalCli, temporalAddress } = run()
  return new Promise((resolve) => {
    execFile(temporalCli, [...args, '--address', temporalAddress], { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, text: `${stdout}${stderr}`, tookMs: Date.now() - began })
    })
  })
}

const input = (value: object): string[] => ['--input', JSON.stringify(value)]

type Wanted = { type: string; id: string; input: object; flags: string[] }

const start = (system: System, workflow: Wanted): Promise<Answer> => {
  const given = ['--workflow-id', workflow.id, ...input(workflow.input), ...workflow.flags]
  return runTemporal(system, 'workflow', 'start', '--type', workflow.type, '--task-queue', 'control', ...given)
}

export const startMarket = (system: System, marketId: string, ...flags: string[]): Promise<Answer> =>
  start(system, { type: 'marketSubscription', id: `market:${marketId}`, input: { marketId }, flags })

export const startNormalizer = (system: System, id: string): Promise<Answer> =>
  start(system, { type: 'normalizer', id, input: { shard: 0 }, flags: [] })

export const signalMarket = (system: System, marketId: string, name: string, ...more: string[]): Promise<Answer> =>
  runTemporal(system, 'workflow', 'signal', '--workflow-id', `market:${marketId}`, '--name', name, ...more)

export const setState = (system: System, marketId: string, state: string): Promise<Answer> => {
  const given = ['--workflow-id', `market:${marketId}`, '--name', 'setState', ...input({ state })]
  return runTemporal(system, 'workflow', 'update', 'execute', ...given)
}

export const queryStatus = (system: System, marketId: string): Promise<Answer> =>
  runTemporal(system, 'workflow', 'query', '--workflow-id', `market:${marketId}`, '--type', 'status')

const describeWorkflow = async (system: System, id: string): Promise<string> =>
  (await runTemporal(system, 'workflow', 'describe', '--workflow-id', id, '--output', 'json')).text

/** RUNNING, FAILED, COMPLETED …, of the newest run; undefined where there is none. */
export const statusOfWorkflow = async (system: System, id: string): Promise<string | undefined> =>
  /"WORKFLOW_EXECUTION_STATUS_([A-Z_]+)"/.exec(await describeWorkflow(system, id))?.[1]

/** Id of the newest run. */
export const runOf = async (system: System, id: string): Promise<string> =>
  /"runId":\s*"([^"]+)"/.exec(await describeWorkflow(system, id))?.[1] ?? 'no run'

/** From start to end of the newest run, by the clock of the server. */
export const lastedMs = async (system: System, id: string): Promise<number> => {
  const text = await describeWorkflow(system, id)
  const timeMsOf = (field: string): number => Date.parse(new RegExp(`"${field}":\\s*"([^"]+)"`).exec(text)?.[1] ?? '')
  return timeMsOf('closeTime') - timeMsOf('startTime')
}

/** Market workflows that run. */
export const countMarketWorkflows = async (system: System): Promise<number> => {
  const query = "WorkflowType='marketSubscription' and ExecutionStatus='Running'"
  return Number(/\d+/.exec((await runTemporal(system, 'workflow', 'count', '--query', query)).text)?.[0] ?? 0)
}

/** @throws Error with all that the command printed, where it did not end well. */
export const expectDone = ({ code, text }: Answer): void => {
  if (code !== 0) throw new Error(`expected the command to exit with 0, came ${code}: ${text}`)
}
