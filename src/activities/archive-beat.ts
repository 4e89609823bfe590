import { cancellationSignal, heartbeat } from '@temporalio/activity'

const EVERY_MS = 1_000

/** What an activity is at, for the UI. */
export type Progress = { stage: string; percent?: number }

/**
 * Reports progress each second for as long as `run` takes, also where nothing moves: a long sort is not a lost worker.
 *
 * @param run ends by its signal when the activity is cancelled or its worker ends.
 */
export const withBeat = async <T>(
  run: (show: (progress: Progress) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  let progress: Progress = { stage: 'starting' }
  const timer = setInterval(() => heartbeat(progress), EVERY_MS)
  try {
    return await run((next) => {
      progress = next
    }, cancellationSignal())
  } finally {
    clearInterval(timer)
  }
}
