import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildKind, ChildRecord } from './children.ts'
import { launch, untilReady, type ProcessSpec, type Run } from './launch.ts'
import { signalMarked, stopMarked } from './os-process.ts'

export type KeptState = 'starting' | 'running' | 'waiting' | 'stopped'

const BACKOFF_FIRST_MS = 250
const BACKOFF_LIMIT_MS = 10_000
/** One that ran this long starts over with a short wait. */
const STABLE_MS = 20_000

export const restartDelayMs = (failures: number): number =>
  Math.min(BACKOFF_LIMIT_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10))

/**
 * Starts a process and starts it again whenever it ends:
 * starting → running → waiting (backoff) → starting …, until stopped.
 */
export class KeptProcess {
  readonly name: string
  readonly kind: ChildKind
  state: KeptState = 'starting'
  restarts = 0
  lastExit: string | undefined
  readonly #spec: ProcessSpec
  readonly #record: ChildRecord
  readonly #changed: () => void
  readonly #stopping = new AbortController()
  #run: Run | undefined
  #loop: Promise<void> = Promise.resolve()

  /** `changed` is called after each change of pid or state. */
  constructor(spec: ProcessSpec, record: ChildRecord, changed: () => void) {
    this.name = spec.name
    this.kind = spec.kind
    this.#spec = spec
    this.#record = record
    this.#changed = changed
  }

  get pid(): number | undefined {
    return this.#run?.mark.pid
  }

  /** @throws Error if it is not ready the first time; nothing is left running then. */
  async start(): Promise<this> {
    await this.#begin()
    this.#loop = this.#keep()
    return this
  }

  /** Ends it for good: asks, waits, kills. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort()
    if (this.#run !== undefined) await stopMarked(this.#run.mark, this.#spec.stopSignal, graceMs)
    await this.#loop
  }

  kill(): void {
    this.#stopping.abort()
    if (this.#run !== undefined) signalMarked(this.#run.mark, 'SIGKILL', true)
  }

  async #begin(): Promise<void> {
    this.#run = launch(this.#spec, this.#record)
    this.#turn('starting')
    await untilReady(this.#spec, this.#run)
    this.#turn('running')
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping
    let failures = 0
    while (!signal.aborted) {
      const startedTimeMs = Date.now()
      if (this.#run !== undefined) this.lastExit = await this.#run.exited
      this.#run = undefined
      if (signal.aborted) break
      failures = Date.now() - startedTimeMs > STABLE_MS ? 1 : failures + 1
      this.restarts += 1
      this.#turn('waiting')
      await sleep(restartDelayMs(failures - 1), undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await this.#begin().catch(() => undefined)
    }
    this.#turn('stopped')
  }

  #turn(state: KeptState): void {
    this.state = state
    this.#changed()
  }
}
