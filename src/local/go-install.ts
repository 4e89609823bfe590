import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { findOnPath, isExecutable, runCommand } from './run-command.ts'

/** Tools that were downloaded or built, shared by all state folders. */
export const toolFolder = (env: NodeJS.ProcessEnv = process.env): string => {
  const cache = env['XDG_CACHE_HOME']
  return join(cache === undefined || cache === '' ? join(homedir(), '.cache') : cache, 'polytape', 'bin')
}

const findGo = (): string | undefined =>
  findOnPath('go') ?? ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find(isExecutable)

const BUILD_LIMIT_MS = 1_800_000

/**
 * Builds a command into the tool cache; the last segment of the module's path is its name.
 *
 * @param module with its version, as `example.org/tool/cmd/tool@v1.0.0`
 * @param signal ends the build
 * @throws Error with the last lines of the compiler, or the command to run where there is no Go.
 */
export const goInstall = async (module: string, signal?: AbortSignal): Promise<string> => {
  const folder = toolFolder()
  const go = findGo()
  if (go === undefined)
    throw new Error(`there is no Go either. Install it and run\n  GOBIN=${folder} go install ${module}`)
  mkdirSync(folder, { recursive: true })
  const env = { ...process.env, GOBIN: folder }
  const result = await runCommand(go, ['install', module], { timeoutMs: BUILD_LIMIT_MS, env, signal })
  if (result.code === 0) return join(folder, basename(module.slice(0, module.lastIndexOf('@'))))
  throw new Error(
    `go install ${module} failed (code ${result.code}):\n${result.output.trimEnd().split('\n').slice(-8).join('\n')}`,
  )
}
