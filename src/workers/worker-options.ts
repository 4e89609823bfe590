import type { NativeConnection, WorkerOptions } from '@temporalio/worker'

export type Role = 'control' | 'feed' | 'normalizer'
export type Replica = 'a' | 'b'

type Given = { connection: NativeConnection; namespace: string; activities: object }

/** Control runs all workflows; the other roles run activities alone, and so need no bundle and no workflow memory. */
export const controlOptions = (given: Given, bundlePath: string): WorkerOptions => ({
  ...given,
  taskQueue: 'control',
  workflowBundle: { codePath: bundlePath },
  maxCachedWorkflows: 500,
  maxConcurrentActivityTaskExecutions: 200,
  maxConcurrentWorkflowTaskExecutions: 40,
  // A control worker that died leaves its sticky queue behind: tasks wait there for so long.
  stickyQueueScheduleToStartTimeout: '2s',
  shutdownGraceTime: 0,
  shutdownForceTime: '5s',
})

/** One activity a feed group. The throttle bounds how long a cancellation takes to arrive (temporal.md, rule 4). */
export const feedOptions = (given: Given, replica: Replica): WorkerOptions => ({
  ...given,
  taskQueue: `feed-${replica}`,
  maxHeartbeatThrottleInterval: '500ms',
  maxConcurrentActivityTaskExecutions: 500,
  shutdownGraceTime: 0,
  shutdownForceTime: '10s',
})

export const normalizerOptions = (given: Given): WorkerOptions => ({
  ...given,
  taskQueue: 'normalizer',
  maxHeartbeatThrottleInterval: '500ms',
  maxConcurrentActivityTaskExecutions: 64,
  shutdownGraceTime: 0,
  shutdownForceTime: '10s',
})
