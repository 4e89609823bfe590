import { readdirSync, readFileSync } from 'node:fs'
import { Worker, type WorkflowBundle } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, test } from 'vitest'
import { readHistory } from './support/read-history.ts'
import { bundleWorkflows, installQuietRuntime } from './support/temporal.ts'

const folder = new URL('./histories/', import.meta.url)
const names = readdirSync(folder).map((file) => file.replace('.json', ''))
const textOf = (name: string): string => readFileSync(new URL(`${name}.json`, folder), 'utf8')
const workflowIds: Record<string, string> = {
  'market-running': 'market:1',
  'market-stopped': 'market:1',
  'market-superseded-and-cancelled': 'market:2',
  'market-unknown': 'market:404',
  'market-continued-as-new': 'market:3',
  'market-enrolled': 'market:4',
}

let workflowBundle: WorkflowBundle
beforeAll(async () => {
  installQuietRuntime()
  workflowBundle = await bundleWorkflows()
}, 60_000)

const replay = (name: string, text: string): Promise<void> =>
  Worker.runReplayHistory({ workflowBundle }, readHistory(text), workflowIds[name] ?? name)

describe('recorded histories', () => {
  test('there is one of every workflow type', () => {
    const registry = readFileSync(new URL('../../src/workflows/index.ts', import.meta.url), 'utf8')
    const types = [...registry.matchAll(/export \{ (\w+) \}/g)].map((match) => match[1])
    const recorded = new Set(names.map((name) => /"workflowType":\{"name":"(\w+)"/.exec(textOf(name))?.[1]))
    expect(types.filter((type) => !recorded.has(type))).toEqual([])
  })

  test.each(names)('%s replays without a difference', async (name) => {
    await replay(name, textOf(name))
  })

  test('a change of the commands of a workflow fails the replay', async () => {
    const changed = textOf('market-stopped').replaceAll('"forgetSubscription"', '"forgottenSubscription"')
    await expect(replay('market-stopped', changed)).rejects.toThrow(DeterminismViolationError)
  })
})
