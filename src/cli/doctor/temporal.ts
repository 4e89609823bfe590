import type { Client } from '@temporalio/client'
import { SEARCH_ATTRIBUTES } from '../../local/search-attributes.ts'
import { SCHEDULE_IDS } from '../../workers/schedules.ts'
import { openTemporal } from '../backfill/temporal.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { medianOf, msText, timed } from './numbers.ts'
import type { Patient } from './probe.ts'

const AREA = 'temporal'

/** Of temporal.api.enums.v1: TASK_QUEUE_TYPE_WORKFLOW, TASK_QUEUE_TYPE_ACTIVITY, INDEXED_VALUE_TYPE_KEYWORD */
const WORKFLOWS = 1
const ACTIVITIES = 2
const KEYWORD = 2
/** gRPC's NOT_FOUND */
const NOT_FOUND = 5

const isNotFound = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === NOT_FOUND

const namespaceOf = (client: Client): string => client.options.namespace

const namespaceVerdict = async (client: Client): Promise<Verdict> => {
  const namespace = namespaceOf(client)
  try {
    const times = await timed(3, () => client.workflowService.describeNamespace({ namespace }))
    return ok(`the namespace ${namespace} is there, a call takes ${msText(medianOf(times))}`)
  } catch (error) {
    if (!isNotFound(error)) throw error
    return fail(
      `there is no namespace ${namespace}`,
      `correct TEMPORAL_NAMESPACE, or: temporal operator namespace create --namespace ${namespace}`,
    )
  }
}

const attributesVerdict = async (client: Client): Promise<Verdict> => {
  const namespace = namespaceOf(client)
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace })
  const wrong = SEARCH_ATTRIBUTES.filter((name) => (customAttributes[name] ?? KEYWORD) !== KEYWORD)
  const missing = SEARCH_ATTRIBUTES.filter((name) => !(name in customAttributes))
  const flags = missing.map((name) => `--name ${name} --type Keyword`).join(' ')
  if (missing.length > 0) {
    return fail(
      `missing: ${missing.join(', ')}; without them no market's workflow starts`,
      `temporal operator search-attribute create --namespace ${namespace} ${flags}`,
    )
  }
  if (wrong.length === 0) return ok(`${SEARCH_ATTRIBUTES.join(', ')} are there`)
  return fail(
    `not of the type Keyword: ${wrong.join(', ')}`,
    'remove them (temporal operator search-attribute remove), and create them as Keyword',
  )
}

const QUEUES = [
  { name: 'control', type: WORKFLOWS, role: 'control' },
  { name: 'feed-a', type: ACTIVITIES, role: 'feed' },
  { name: 'normalizer', type: ACTIVITIES, role: 'normalizer' },
  { name: 'archive', type: ACTIVITIES, role: 'archive' },
]

const isPolled = async (client: Client, { name, type }: { name: string; type: number }): Promise<boolean> => {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: namespaceOf(client),
    taskQueue: { name },
    taskQueueType: type,
  })
  return (pollers ?? []).length > 0
}

const queuesVerdict = async (client: Client): Promise<Verdict> => {
  const polled = await Promise.all(QUEUES.map((queue) => isPolled(client, queue)))
  const idle = QUEUES.filter((_, at) => polled[at] !== true)
  if (idle.length === 0) return ok(`${QUEUES.map(({ name }) => name).join(', ')} are polled`)
  const roles = idle.map(({ role }) => role).join(', ')
  return warn(
    `nobody polls ${idle.map(({ name }) => name).join(', ')}`,
    `start ${idle.length === QUEUES.length ? 'polytape (npm start)' : `the roles ${roles} (npm run worker -- --role …)`}`,
  )
}

type Standing = { scheduleId: string; stands: 'runs' | 'paused' | 'missing'; note: string }

const standingOf = async (client: Client, scheduleId: string): Promise<Standing> => {
  try {
    const { state } = await client.schedule.getHandle(scheduleId).describe()
    return { scheduleId, stands: state.paused ? 'paused' : 'runs', note: state.note ?? '' }
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ScheduleNotFoundError') throw error
    return { scheduleId, stands: 'missing', note: '' }
  }
}

const schedulesVerdict = async (client: Client): Promise<Verdict> => {
  const all = await Promise.all(SCHEDULE_IDS.map((id) => standingOf(client, id)))
  const missing = all.filter(({ stands }) => stands === 'missing').map(({ scheduleId }) => scheduleId)
  const paused = all.filter(({ stands }) => stands === 'paused')
  if (missing.length > 0) return warn(`missing: ${missing.join(', ')}`, 'start the role control, which makes them')
  if (paused.length === 0) return ok(`${SCHEDULE_IDS.join(', ')} run`)
  const told = paused.map(({ scheduleId, note }) => (note === '' ? scheduleId : `${scheduleId} (${note})`))
  const first = paused[0]?.scheduleId ?? ''
  return warn(
    `paused: ${told.join(', ')}`,
    `when its cause is gone: temporal schedule toggle --unpause --schedule-id ${first}`,
  )
}

export const probeTemporal = async ({ environment }: Patient): Promise<Finding[]> => {
  // Without the retries of the client: the first answer is the one to tell.
  const opened = await openTemporal(environment, { interceptors: [] }).catch((error: unknown) =>
    String(error).replace(/^Error: /, ''),
  )
  if (typeof opened === 'string') {
    const [found = '', remedy = ''] = opened.split('\n')
    return [{ area: AREA, what: 'reachable', ...fail(found, remedy) }]
  }
  await using temporal = opened
  const { client } = temporal
  const remedy = 'give the API key or certificate of polytape the right to it'
  // Awaited here: the connection closes when this returns.
  return await examine(AREA, [
    { what: 'reachable', look: () => namespaceVerdict(client), remedy },
    { what: 'attributes', look: () => attributesVerdict(client), remedy },
    { what: 'task queues', look: () => queuesVerdict(client), remedy },
    { what: 'schedules', look: () => schedulesVerdict(client), remedy },
  ])
}
