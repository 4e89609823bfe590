import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TestWorkflowEnvironment } from '@temporalio/testing'
import { DefaultLogger, Runtime, type WorkflowBundle } from '@temporalio/worker'
import { createLog } from '../../../src/lib/log.ts'
import { bundleWorkflows as bundle, loadWorkflowBundle } from '../../../src/workers/workflow-bundle.ts'
import { FEED_GROUP, MARKET_SLUG, MARKET_STATE } from '../../../src/workflows/attributes.ts'
import { bundlesOf } from '../../support/bundles.ts'

/** `temporal` of the test run's set-up, of PATH, or of polytape's tool cache. */
export const temporalCli = (): string => {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'polytape', 'bin')
  const folders = [...(process.env['PATH'] ?? '').split(':'), cache]
  const paths = [process.env['POLYTAPE_TEST_TEMPORAL_CLI'] ?? '', ...folders.map((folder) => join(folder, 'temporal'))]
  const found = paths.find((path) => path !== '' && existsSync(path))
  if (found === undefined) throw new Error(`expected the temporal CLI on PATH or in ${cache}; npm start installs it`)
  return found
}

export const quiet = new DefaultLogger('ERROR', ({ message, meta }) => console.error(message, meta?.['error'] ?? ''))

let isInstalled = false
export const installQuietRuntime = (): void => {
  if (!isInstalled) Runtime.install({ logger: quiet, telemetryOptions: { logging: { filter: 'OFF', forward: {} } } })
  isInstalled = true
}

/** A dev server of its own, in memory: 0.2 s, and nothing of other tests in it. */
export const openTemporal = async (): Promise<TestWorkflowEnvironment> => {
  installQuietRuntime()
  const server = {
    executable: { type: 'existing-path' as const, path: temporalCli() },
    searchAttributes: [MARKET_STATE, MARKET_SLUG, FEED_GROUP],
  }
  const open = (): Promise<TestWorkflowEnvironment> => TestWorkflowEnvironment.createLocal({ server })
  // Somebody else may take the port that was free a moment ago.
  return open().catch(open)
}

/** The workflows as the control worker bundles them, once a run of the tests. */
export const bundleWorkflows = async (): Promise<WorkflowBundle> => {
  const shared = bundlesOf('sources')
  if (shared === undefined) return bundle(quiet)
  return { code: await readFile(await loadWorkflowBundle(shared, createLog('test', 'error')), 'utf8') }
}
