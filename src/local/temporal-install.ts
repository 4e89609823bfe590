import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { goInstall, toolFolder } from './go-install.ts'
import { findOnPath, isExecutable, runCommand } from './run-command.ts'

const CLI_VERSION = 'v1.5.1'
const MODULE = `github.com/temporalio/cli/cmd/temporal@${CLI_VERSION}`

const answers = async (path: string): Promise<boolean> =>
  (await runCommand(path, ['--version'], { timeoutMs: 10_000, env: process.env })).code === 0

/** The CLI on PATH, else in the tool cache, if it runs. */
export const findTemporal = async (): Promise<{ path: string; where: string } | undefined> => {
  const onPath = findOnPath('temporal')
  if (onPath !== undefined && (await answers(onPath))) return { path: onPath, where: onPath }
  const cached = join(toolFolder(), 'temporal')
  if (isExecutable(cached) && (await answers(cached))) return { path: cached, where: cached }
  return undefined
}

const DOWNLOAD_LIMIT_MS = 60_000

/** The SDK downloads only as part of starting a server, so one is started and stopped at once. */
const fetchBySdk = async (folder: string): Promise<void> => {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing')
  const executable = { type: 'cached-download' as const, downloadDir: folder }
  const environment = await TestWorkflowEnvironment.createLocal({ server: { executable } })
  await environment.teardown()
}

/** @throws Error with the reason, within a minute. */
export const downloadTemporal = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-temporal-'))
  try {
    const late = sleep(DOWNLOAD_LIMIT_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer within ${DOWNLOAD_LIMIT_MS / 1000} s`)
    })
    await Promise.race([fetchBySdk(folder), late])
    const name = readdirSync(folder).find((file) => file.startsWith('temporal'))
    if (name === undefined) throw new Error('the download left no file')
    return adopt(join(folder, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const adopt = (source: string): string => {
  const target = join(toolFolder(), 'temporal')
  mkdirSync(toolFolder(), { recursive: true })
  copyFileSync(source, `${target}.new`)
  chmodSync(`${target}.new`, 0o755)
  renameSync(`${target}.new`, target)
  return target
}

/** @throws Error with the last lines of the compiler, or the command to run where there is no Go. */
export const buildTemporal = (signal?: AbortSignal): Promise<string> => goInstall(MODULE, signal)
