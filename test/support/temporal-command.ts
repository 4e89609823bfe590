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

const start = (system: System, workflow: { type: string; id: string; input: object }): Promise<Answer> => {
  const given = ['--workflow-id', workflow.id, ...input(workflow.input)]
  return runTemporal(system, 'workflow', 'start', '--type', workflow.type, '--task-queue', 'control', ...given)
}

export const startMarket = (system: System, marketId: string): Promise<Answer> =>
  start(system, { type: 'marketSubscription', id: `market:${marketId}`, input: { marketId } })

export const startNormalizer = (system: System, id: string): Promise<Answer> =>
  start(system, { type: 'normalizer', id, input: { shard: 0 } })

export const signalMarket = (system: System, marketId: string, name: string): Promise<Answer> =>
  runTemporal(system, 'workflow', 'signal', '--workflow-id', `market:${marketId}`, '--name', name)

export const setState = (system: System, marketId: string, state: string): Promise<Answer> => {
  const given = ['--workflow-id', `market:${marketId}`, '--name', 'setState', ...input({ state })]
  return runTemporal(system, 'workflow', 'update', 'execute', ...given)
}

export const queryStatus = (system: System, marketId: string): Promise<Answer> =>
  runTemporal(system, 'workflow', 'query', '--workflow-id', `market:${marketId}`, '--type', 'status')

/** RUNNING, FAILED, COMPLETED …, of the newest run; undefined where there is none. */
export const statusOfWorkflow = async (system: System, workflowId: string): Promise<string | undefined> => {
  const { text } = await runTemporal(system, 'workflow', 'describe', '--workflow-id', workflowId, '--output', 'json')
  return /"WORKFLOW_EXECUTION_STATUS_([A-Z_]+)"/.exec(text)?.[1]
}
