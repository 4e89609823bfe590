import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client, type ScheduleOptions } from '@temporalio/client'

type Planned = {
  scheduleId: string
  workflowType: string
  every: string
  note: string
  catchupWindow: string
  /** Runs skip each other: one that hangs would end its schedule for good. */
  timeout: string
  /** A run that failed needs a person before the next is worth anything. */
  isPausedOnFailure?: boolean
  /** After midnight UTC, of what runs daily: minutes, hours and minutes are not taken together. */
  offset?: string
}

const PLANNED: Planned[] = [
  {
    scheduleId: 'refreshCatalog',
    workflowType: 'refreshCatalog',
    every: '60s',
    catchupWindow: '10m',
    timeout: '30m',
    note: "Pages the venue's catalogue and follows the subscription policy",
  },
  {
    scheduleId: 'checkHeartbeats',
    workflowType: 'checkHeartbeats',
    every: '15s',
    catchupWindow: '10m',
    timeout: '2m',
    note: 'Looks who missed its heartbeats, raises and closes alerts and tries what helps',
  },
  {
    scheduleId: 'maintainPartitions',
    workflowType: 'maintainPartitions',
    every: '1h',
    catchupWindow: '10m',
    timeout: '30m',
    note: 'Makes partitions before they are needed and deletes what is older than it is kept',
  },
  {
    scheduleId: 'archivePartitions',
    workflowType: 'archivePartitions',
    every: '24h',
    offset: '160m',
    // However long Temporal was down: a run takes all days up to its own, so that those it skips are not missed.
    catchupWindow: '365d',
    timeout: '7d',
    isPausedOnFailure: true,
    note: 'Archives the partitions that are old enough, proves them and drops what is proved',
  },
]

export const SCHEDULED_TYPES: ReadonlySet<string> = new Set(PLANNED.map(({ workflowType }) => workflowType))

const optionsOf = ({ scheduleId, workflowType, every, offset, note, ...rest }: Planned): ScheduleOptions => ({
  scheduleId,
  spec: { intervals: [{ every, ...(offset === undefined ? {} : { offset }) }] },
  action: {
    type: 'startWorkflow',
    workflowType,
    taskQueue: 'control',
    workflowId: workflowType,
    workflowExecutionTimeout: rest.timeout,
    args: [],
  },
  policies: {
    overlap: ScheduleOverlapPolicy.SKIP,
    catchupWindow: rest.catchupWindow,
    pauseOnFailure: rest.isPausedOnFailure ?? false,
  },
  state: { note },
})

/** Of all that are deployed. */
export const SCHEDULE_IDS = PLANNED.map(({ scheduleId }) => scheduleId)

/** Creates what is missing and brings the rest up to date; the state stays, and with it an operator's pause. */
const deploy = async (client: Client, planned: Planned): Promise<void> => {
  const options = optionsOf(planned)
  try {
    await client.schedule.create(options)
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error
    const { scheduleId: _, ...rest } = options
    await client.schedule.getHandle(planned.scheduleId).update((previous) => ({ ...rest, state: previous.state }))
  }
}

/** Idempotent; then refreshes the catalogue at once, unless an operator paused it. */
export const deploySchedules = async (client: Client): Promise<void> => {
  for (const planned of PLANNED) await deploy(client, planned)
  const refresh = client.schedule.getHandle('refreshCatalog')
  const { state } = await refresh.describe()
  if (!state.paused) await refresh.trigger(ScheduleOverlapPolicy.SKIP)
}
