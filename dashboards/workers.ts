import { EventsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units'
import { createDashboard } from './dashboard.ts'
import { lines } from './panels.ts'
import { each, highest, perSecond, quantile, total } from './queries.ts'

const workflows = [
  lines({
    title: 'Workflow tasks wait',
    about:
      'From the schedule of a workflow task to its start, p99. Rising: too few workers on the queue, or they are busy.',
    unit: Seconds,
    queries: [
      each('task_queue', quantile(0.99, 'temporal_workflow_task_schedule_to_start_latency_seconds', '', 'task_queue')),
    ],
  }),
  lines({
    title: 'Workflow tasks take',
    about: 'p99.',
    unit: Seconds,
    queries: [each('task_queue', quantile(0.99, 'temporal_workflow_task_execution_latency_seconds', '', 'task_queue'))],
  }),
  lines({
    title: 'Workflows in the cache',
    about: 'One that is not there is replayed at its next task.',
    unit: Short,
    queries: [each('task_queue', total('temporal_sticky_cache_size', 'task_queue'))],
  }),
]

const activities = [
  lines({
    title: 'Activities wait',
    about: 'From schedule to start, p99, by queue.',
    unit: Seconds,
    queries: [
      each('task_queue', quantile(0.99, 'temporal_activity_schedule_to_start_latency_seconds', '', 'task_queue')),
    ],
  }),
  lines({
    title: 'Activities take',
    about: 'p99, by type. runFeed and runNormalizer run for days: they are here when they end.',
    unit: Seconds,
    queries: [
      each('activity_type', quantile(0.99, 'temporal_activity_execution_latency_seconds', '', 'activity_type')),
    ],
  }),
  lines({
    title: 'Slots free',
    about: 'Least of a kind and queue. At 0 tasks wait.',
    unit: Short,
    queries: [
      {
        expr: 'min by (task_queue, worker_type) (temporal_worker_task_slots_available)',
        legend: '{{task_queue}} {{worker_type}}',
      },
    ],
  }),
]

const server = [
  lines({
    title: 'Calls to Temporal by operation',
    about: 'A second. Temporal Cloud bills actions, which these cause.',
    unit: EventsPerSecond,
    queries: [each('operation', perSecond('temporal_request_total', 'operation'))],
  }),
  lines({
    title: 'A call takes',
    about: 'p99, without long polls.',
    unit: Seconds,
    queries: [each('operation', quantile(0.99, 'temporal_request_latency_seconds', '', 'operation'))],
  }),
  lines({
    title: 'Pollers',
    about: 'By queue and kind. None: nobody takes tasks of the queue.',
    unit: Short,
    queries: [
      { expr: highest('temporal_num_pollers', 'task_queue', 'poller_type'), legend: '{{task_queue}} {{poller_type}}' },
    ],
  }),
]

export const WORKERS = createDashboard({
  uid: 'polytape-workers',
  title: 'Temporal workers',
  about: "What the SDK of Temporal tells of its workers. 'Is it done?' is in Temporal's UI.",
  sections: [
    { title: 'Workflows', panels: workflows },
    { title: 'Activities', panels: activities },
    { title: 'The server', panels: server },
  ],
})
