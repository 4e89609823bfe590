import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, Worker, type WorkflowBundle } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, test } from 'vitest'
import { readHistory } from './support/read-history.ts'
import { bundleWorkflows, installQuietRuntime, quiet } from './support/temporal.ts'

const folder = new URL('./histories/', import.meta.url)
const names = readdirSync(folder).map((file) => file.replace('.json', ''))
const textOf = (name: string): string => readFileSync(new URL(`${name}.json`, folder), 'utf8')

let workflowBundle: WorkflowBundle
beforeAll(async () => {
  installQuietRuntime()
  workflowBundle = await bundleWorkflows()
})

const replay = (text: string, bundle: WorkflowBundle): Promise<void> => {
  const workflowId = /"workflowId":"([^"]+)"/.exec(text)?.[1]
  return Worker.runReplayHistory({ workflowBundle: bundle }, readHistory(text), workflowId)
}

describe('recorded histories', () => {
  test('there is one of every workflow type', () => {
    const registry = readFileSync(new URL('../../src/workflows/index.ts', import.meta.url), 'utf8')
    const types = [...registry.matchAll(/export \{ (\w+) \}/g)].map((match) => match[1])
    const exports = registry.split('\n').filter((line) => line.startsWith('export'))
    expect(types, 'the registry has one workflow a line').toHaveLength(exports.length)
    const recorded = new Set(names.map((name) => /"workflowType":\{"name":"(\w+)"/.exec(textOf(name))?.[1]))
    expect(types.filter((type) => !recorded.has(type))).toEqual([])
  })

  test.each(names)('%s replays without a difference', async (name) => {
    await replay(textOf(name), workflowBundle)
  })

  test('a workflow that was changed without patched() fails the replay', async () => {
    const workflowsPath = fileURLToPath(new URL('./support/changed/index.ts', import.meta.url))
    const changed = await bundleWorkflowCode({ workflowsPath, logger: quiet })
    await expect(replay(textOf('maintain-partitions'), changed)).rejects.toThrow(DeterminismViolationError)
  })

  test('a history of other commands fails the replay', async () => {
    const other = textOf('market-stopped').replaceAll('"forgetSubscription"', '"forgottenSubscription"')
    await expect(replay(other, workflowBundle)).rejects.toThrow(DeterminismViolationError)
  })
})
