import { setTimeout as sleep } from 'node:timers/promises'
import { launch, untilReady, type ProcessSpec, type Run } from '../../src/local/launch.ts'
import { signalMarked, stopMarked } from '../../src/local/os-process.ts'
import { openTestFolder, type TestFolder } from './services-folder.ts'

/** A real server that a test may take down and bring back, on the same port and data. */
export type TestServer = AsyncDisposable & {
  pid: () => number
  /** SIGKILL; stays down until `start`. */
  kill: () => Promise<void>
  /** Orderly; stays down until `start`. */
  stop: () => Promise<void>
  start: () => Promise<void>
  /** Down for that long, orderly unless told to kill; resolves when it accepts connections again. */
  restart: (downMs: number, how?: 'stop' | 'kill') => Promise<void>
}

const bringUp = async (folder: TestFolder, spec: ProcessSpec): Promise<Run> => {
  const run = launch(spec, folder.record)
  await untilReady(spec, run)
  return run
}

/** A just killed Postgres may need a moment until its memory is free. */
const bringUpAgain = async (folder: TestFolder, spec: ProcessSpec): Promise<Run> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bringUp(folder, spec)
    } catch (error) {
      if (attempt === 5) throw error
      await sleep(300)
    }
  }
}

const openServer = async (folder: TestFolder, spec: ProcessSpec): Promise<TestServer> => {
  let run = await bringUp(folder, spec)
  const kill = async () => {
    signalMarked(run.mark, 'SIGKILL', true)
    await run.exited
  }
  const stop = () => stopMarked(run.mark, spec.stopSignal, 5_000)
  const start = async () => {
    run = await bringUpAgain(folder, spec)
  }
  return {
    pid: () => run.mark.pid,
    kill,
    stop,
    start,
    restart: async (downMs, how = 'stop') => {
      await (how === 'kill' ? kill() : stop())
      await sleep(downMs)
      await start()
    },
    [Symbol.asyncDispose]: async () => {
      await stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Tries further ports if somebody else takes the one that was free a moment ago. */
export const openServerOnFreePort = async (
  port: () => Promise<number>,
  specOf: (folder: TestFolder, port: number) => Promise<ProcessSpec>,
): Promise<{ server: TestServer; port: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    const folder = await openTestFolder()
    const chosen = await port()
    try {
      return { server: await openServer(folder, await specOf(folder, chosen)), port: chosen }
    } catch (error) {
      await folder[Symbol.asyncDispose]()
      if (attempt === 3) throw error
    }
  }
}
