import type { Context } from '@temporalio/activity'

/** Resolves with the reason when the activity is cancelled. */
export const cancellation = (context: Context): Promise<unknown> =>
  context.cancelled.then(
    () => undefined,
    (error: unknown) => error,
  )

/** The server has given the activity up (no heartbeat came through) and is about to start, or has started, another attempt. */
export const isLost = ({ cancellationDetails: details }: Context): boolean =>
  details?.timedOut === true || details?.notFound === true
