import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export type CommandResult = { code: number; output: string }
export type CommandOptions = {
  timeoutMs: number
  env: NodeJS.ProcessEnv
  user?: { uid: number; gid: number } | undefined
  cwd?: string
  /** Ends it as Ctrl-C would: a compiler then removes what it had begun. */
  signal?: AbortSignal | undefined
}

const OUTPUT_LIMIT = 64 * 1024

/** Runs to the end, never throws: a command that cannot be started has code 127. Output is the last 64 KiB of both streams. */
export const runCommand = (command: string, args: string[], options: CommandOptions): Promise<CommandResult> =>
  new Promise((resolve) => {
    const { timeoutMs, env, user, cwd, signal: ending } = options
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
    const child = spawn(command, args, {
      env,
      cwd,
      stdio,
      timeout: timeoutMs,
      ...(ending && { signal: ending, killSignal: 'SIGINT' as const }),
      ...user,
    })
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_LIMIT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('error', (error) => resolve({ code: 127, output: error.message }))
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 128, output: signal === null ? output : `${output}\nended by ${signal}` }),
    )
  })

export const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Full path of a program on PATH. */
export const findOnPath = (name: string, path = process.env['PATH'] ?? ''): string | undefined =>
  path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)
