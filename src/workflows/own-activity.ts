import { CancellationScope, condition, isCancellation, sleep, workflowInfo } from '@temporalio/workflow'

/**
 * Keeps one long-lived activity running until the history is long. An activity that returns by itself is started again:
 * only its owner ends it. Continue-as-new would kill the activity in flight, so it is cancelled, flushes and returns first.
 */
export async function ownUntilRollOver(start: () => Promise<unknown>): Promise<void> {
  while (!workflowInfo().continueAsNewSuggested) {
    const scope = new CancellationScope()
    const running = scope.run(start)
    const drained = running.then(ignore, ignoreCancellation)
    try {
      await Promise.race([running, condition(() => workflowInfo().continueAsNewSuggested)])
      if (!workflowInfo().continueAsNewSuggested) await sleep('1s')
    } finally {
      scope.cancel()
      await CancellationScope.nonCancellable(() => drained)
    }
  }
}

const ignore = (): void => undefined

const ignoreCancellation = (error: unknown): void => {
  if (!isCancellation(error)) throw error
}
