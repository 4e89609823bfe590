import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client'
import { explained } from '../polytape/connections.ts'

const SHOW_EVERY_MS = 1_000

type Show = (line: string) => void

/** A terminal shows one line that changes, a file every change. */
const createShow = (): Show => {
  let last = ''
  return (line) => {
    if (line === last) return
    last = line
    process.stdout.write(process.stdout.isTTY ? `\r\u001b[K${line}` : `${line}\n`)
  }
}

/** Shows how a workflow stands, by its query `progress`, until it has ended. @throws WorkflowFailedError */
export const follow = async <P>(handle: WorkflowHandle, textOf: (progress: P) => string): Promise<void> => {
  const show = createShow()
  let isDone = false
  const ending = handle.result().finally(() => (isDone = true))
  ending.catch(() => undefined)
  while (!isDone) {
    // Without a control worker nobody answers: it is asked again.
    const progress = await handle.query<P>('progress').catch(() => undefined)
    show(progress === undefined ? 'waiting for a control worker' : textOf(progress))
    await Promise.race([sleep(SHOW_EVERY_MS), ending.catch(() => undefined)])
  }
  const progress: P = await ending
  show(textOf(progress))
  if (process.stdout.isTTY) console.log()
}

/** Why a workflow failed, in its own words. */
export const reasonOf = (error: unknown): string => {
  const cause = error instanceof WorkflowFailedError ? error.cause : undefined
  return cause?.message ?? explained(error)
}
