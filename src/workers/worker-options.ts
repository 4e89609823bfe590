import type { NativeConnection, WorkerDeploymentOptions, WorkerOptions } from '@temporalio/worker'
import type { Config } from '../config.ts'

export type { Role } from '../metrics/row.ts'
export type Replica = 'a' | 'b'

type Given = { connection: NativeConnection; namespace: string; activities: object }

type Version = Pick<Config, 'TEMPORAL_DEPLOYMENT_NAME' | 'TEMPORAL_WORKER_BUILD_ID'>

/**
 * Market workflows live for months: each goes over to the version that an operator made the current one. Only control is
 * versioned, since only workflows are replayed; the other roles take tasks as soon as they run.
 */
const versioned = (version: Version): { workerDeploymentOptions?: WorkerDeploymentOptions } => {
  const { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId } = version
  if (deploymentName === undefined || buildId === undefined) return {}
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName, buildId },
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  }
}

/** Control runs all workflows; the other roles run activities alone, and so need no bundle and no workflow memory. */
export const controlOptions = (given: Given, bundlePath: string, version: Version): WorkerOptions => ({
  ...given,
  ...versioned(version),
  taskQueue: 'control',
  workflowBundle: { codePath: bundlePath },
  // An evicted one is replayed in a few ms, a cached one takes about 0.5 MB.
  maxCachedWorkflows: 250,
  maxConcurrentActivityTaskExecutions: 200,
  maxConcurrentWorkflowTaskExecutions: 40,
  // A control worker that died leaves its sticky queue behind: tasks wait there for so long. Less, and a busy start replays.
  stickyQueueScheduleToStartTimeout: '5s',
  shutdownGraceTime: 0,
  shutdownForceTime: '5s',
})

/** One activity a feed group. The throttle bounds how long a cancellation takes to arrive. */
export const feedOptions = (given: Given, replica: Replica): WorkerOptions => ({
  ...given,
  taskQueue: `feed-${replica}`,
  maxHeartbeatThrottleInterval: '1s',
  maxConcurrentActivityTaskExecutions: 500,
  shutdownGraceTime: 0,
  shutdownForceTime: '10s',
})

/** A shard that nobody has room for waits until a process of the role has. */
export const normalizerOptions = (
  given: Given,
  { SHARDS_PER_NORMALIZER: most }: Pick<Config, 'SHARDS_PER_NORMALIZER'>,
): WorkerOptions => ({
  ...given,
  taskQueue: 'normalizer',
  maxHeartbeatThrottleInterval: '500ms',
  maxConcurrentActivityTaskExecutions: most,
  shutdownGraceTime: 0,
  shutdownForceTime: '10s',
})

/** One step at a time: memory and disk are bounded by one day. What is in work is gone on with by whoever takes it next. */
export const archiveOptions = (given: Given): WorkerOptions => ({
  ...given,
  taskQueue: 'archive',
  maxHeartbeatThrottleInterval: '2s',
  maxConcurrentActivityTaskExecutions: 1,
  shutdownGraceTime: 0,
  shutdownForceTime: '10s',
})
