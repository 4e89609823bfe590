import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { ChildKind, ChildRecord } from './children.ts'
import { rotateLog, tailOf } from './log-file.ts'
import { markOf, stopMarked, type ProcessMark } from './os-process.ts'

export type ProcessSpec = {
  name: string
  kind: ChildKind
  command: string
  args: string[]
  env: NodeJS.ProcessEnv
  cwd: string
  user: { uid: number; gid: number } | undefined
  stopSignal: 'SIGTERM' | 'SIGINT'
  logPath: string
  /** Resolves when it does its work; called after each start. */
  ready: (signal: AbortSignal) => Promise<void>
}

export type Run = { mark: ProcessMark; exited: Promise<string> }

/** In its own process group, so that Ctrl-C in the terminal reaches only us; output goes straight to the file. */
const spawnDetached = (spec: ProcessSpec): ChildProcess => {
  rotateLog(spec.logPath)
  const log = openSync(spec.logPath, 'a', 0o600)
  const { command, args, env, cwd, user } = spec
  try {
    return spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', log, log], ...user })
  } finally {
    closeSync(log)
  }
}

export const launch = (spec: ProcessSpec, record: ChildRecord): Run => {
  const child = spawnDetached(spec)
  const mark = markOf(child.pid ?? 0)
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : signal))
  })
  if (child.pid !== undefined) {
    record.add({ name: spec.name, kind: spec.kind, stopSignal: spec.stopSignal, ...mark })
    void exited.then(() => record.remove(mark))
  }
  return { mark, exited }
}

const readyOrEnded = async (spec: ProcessSpec, run: Run): Promise<void> => {
  const over = new AbortController()
  const ended = run.exited.then((how) => {
    over.abort()
    throw new Error(`${spec.name} ended (${how}) before it was ready\n${tailOf(spec.logPath, 8)}\n(${spec.logPath})`)
  })
  ended.catch(() => undefined)
  await Promise.race([spec.ready(over.signal), ended])
}

/** @throws Error with the end of its log if it ends before it is ready, or is not ready in time; it is stopped then. */
export const untilReady = async (spec: ProcessSpec, run: Run): Promise<void> => {
  try {
    await readyOrEnded(spec, run)
  } catch (error) {
    await stopMarked(run.mark, spec.stopSignal, 1_000)
    throw error
  }
}
