import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { runCommand } from '../../src/local/run-command.ts'
import { PROMETHEUS_FOLDER, writtenAlerts } from '../support/alert-file.ts'
import { promtoolPath, whyNoPrometheus } from '../support/prometheus.ts'

const run = (...args: string[]) =>
  runCommand(promtoolPath(), args, { timeoutMs: 120_000, env: process.env, cwd: fileURLToPath(PROMETHEUS_FOLDER) })

describe.skipIf(whyNoPrometheus() !== undefined)('promtool', () => {
  it.each(['prometheus.yml', 'roles.yml'])('takes %s with its rules', async (name) => {
    const { code, output } = await run('check', 'config', name)
    expect(code, output).toBe(0)
    expect(output).toContain(`${writtenAlerts().length} rules found`)
  })

  it('finds that each alert fires when it should, and not when it should not', async () => {
    const { code, output } = await run('test', 'rules', 'alerts.test.yml')
    expect(code, output).toBe(0)
  })
})
