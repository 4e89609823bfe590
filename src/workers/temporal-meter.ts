import type { Info } from '@temporalio/activity'
import type { ClientInterceptors } from '@temporalio/client'
import type { WorkerInterceptors } from '@temporalio/worker'
import type { Stats } from '../lib/stats.ts'
import { inFamily } from '../metrics/row.ts'
import { SCHEDULED_TYPES } from './schedules.ts'

/** Each of its runs waits for the feed with a timer. */
const TIMED_ACTIVITY = 'applySubscription'
/** A run of a schedule is billed as these, and as the start of its workflow. */
const ACTIONS_A_SCHEDULE = 2

/** The first activity of a run stands for its start: every workflow of ours has one, whoever started it. */
const isFirstOfRun = ({ activityId, attempt }: Info): boolean => activityId === '1' && attempt === 1

/**
 * Counts what Temporal Cloud bills as actions, as far as our processes see it: attempts of activities, what they stand for,
 * and what our clients send. What people do by the CLI or UI is not among them.
 */
export const createTemporalMeter = (stats: Stats): { worker: WorkerInterceptors; client: ClientInterceptors } => {
  const count = (kind: string, by = 1): void => stats.count(inFamily('temporalActions', kind), by)
  const countActivity = (info: Info): void => {
    count('activity')
    if (info.activityType === TIMED_ACTIVITY) count('timer')
    if (!isFirstOfRun(info)) return
    count('workflow')
    if (SCHEDULED_TYPES.has(info.workflowType ?? '')) count('schedule', ACTIONS_A_SCHEDULE)
  }
  return {
    worker: {
      activity: [
        ({ info }) => ({
          inbound: {
            execute: (input, next) => {
              countActivity(info)
              return next(input)
            },
          },
        }),
      ],
    },
    client: {
      workflow: [
        {
          signal: (input, next) => {
            // A market's workflow answers most of them with search attributes, which are an action too.
            count('signal')
            count('other')
            return next(input)
          },
          query: (input, next) => {
            count('other')
            return next(input)
          },
        },
      ],
    },
  }
}

const HEARTBEAT_REQUESTS = /^temporal_request_total\{[^}]*operation="RecordActivityTaskHeartbeat"[^}]*\} (\d+)/gm

/** Heartbeats that reached the server, as the SDK counts its requests: what a throttle held back is not billed. */
export const heartbeatsIn = (sdkMetrics: string): number =>
  [...sdkMetrics.matchAll(HEARTBEAT_REQUESTS)].reduce((sum, [, count]) => sum + Number(count), 0)
