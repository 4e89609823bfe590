import type { Worker } from '@temporalio/worker'
import type { Config } from '../config.ts'
import { kindOf, type Heartbeat } from '../domain/heartbeat.ts'
import type { Reports } from '../heartbeats/reporter.ts'
import type { Check, Finding, Look } from '../http/health.ts'
import { within } from '../lib/every.ts'
import { windowsOf } from './heartbeat-windows.ts'
import type { Resources } from './resources.ts'

/** A shard waits half a second for news: one that has read nothing for so long hangs, unless a server does. */
const STUCK_MS = 60_000
/** Less than a check as a whole may take. */
const ANSWER_MS = 1_500

/** Messages of errors may quote addresses; their codes do not. */
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''

const answering =
  (name: string, ask: () => Promise<unknown>): Look =>
  async () => {
    const beganMs = performance.now()
    try {
      await ask()
      return { isOk: true, says: `${name} answered in ${Math.round(performance.now() - beganMs)} ms` }
    } catch (error) {
      return { isOk: false, says: `${name} does not answer${codeOf(error)}` }
    }
  }

const askRedis = async ({ redis }: Resources): Promise<unknown> => {
  // It would wait in the client until Redis is back.
  if (redis.status !== 'ready') throw new Error('not connected')
  return redis.ping()
}

const askTemporal = ({ temporal }: Resources): Promise<unknown> =>
  temporal.withDeadline(Date.now() + ANSWER_MS, () => temporal.workflowService.getSystemInfo({}))

/** The three servers that every role needs. */
export const serverChecks = (resources: Resources): Check[] => [
  { name: 'redis', look: answering('Redis', () => askRedis(resources)) },
  { name: 'postgres', look: answering('Postgres', () => resources.pool.query('select 1')) },
  { name: 'temporal', look: answering('Temporal', () => askTemporal(resources)) },
]

/** A worker that polls gets its work; what it does of it is another check. */
export const pollingCheck = (worker: Worker): Check => ({
  name: 'task queue',
  look: () => {
    const { runState, activityPollerState, workflowPollerState } = worker.getStatus()
    const { taskQueue } = worker.options
    const isOk = runState === 'RUNNING' && activityPollerState === 'POLLING'
    return {
      isOk,
      says: `${taskQueue}: worker ${runState}, activities ${activityPollerState}, workflows ${workflowPollerState}`,
    }
  },
})

const wordsOf = (subject: string, { trouble }: Heartbeat): string =>
  trouble === undefined
    ? ''
    : `${subject}: ${trouble.detail} (${trouble.reason} for ${Math.round(trouble.forMs / 1_000)} s)`

/** Names of 2,000 groups are no plain words. */
const MOST_NAMED = 10

const joined = (texts: string[]): string => {
  const more = texts.length - MOST_NAMED
  return `${texts.slice(0, MOST_NAMED).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** A feed also reports what the normalizer does not apply: no fault of its own. */
const isOwn = ([subject]: [string, Heartbeat]): boolean => !subject.startsWith('applied:')

/** What runs here says of itself what the alerts are made of, by the same windows. One that has no work is ready for some. */
export const workCheck = (reports: Reports, config: Config): Check => {
  const windows = windowsOf(config)
  const isLate = ([subject, { trouble }]: [string, Heartbeat]): boolean => {
    const kind = kindOf(subject)
    return kind !== undefined && trouble !== undefined && trouble.forMs >= windows[kind]
  }
  const look = (): Finding => {
    const beats = reports.read().filter(isOwn)
    const late = beats.filter(isLate)
    if (late.length > 0) return { isOk: false, says: joined(late.map(([subject, beat]) => wordsOf(subject, beat))) }
    if (beats.length === 0) return { isOk: true, says: 'nothing is assigned to this process' }
    return { isOk: true, says: `does its work: ${joined(beats.map(([subject]) => subject))}` }
  }
  return { name: 'work', look }
}

/** One that hangs is as good as away. */
const lookInTime = async ({ name, look }: Check): Promise<Finding> => {
  try {
    return await within(Promise.resolve(look()), ANSWER_MS, '')
  } catch {
    return { isOk: false, says: `${name} does not answer` }
  }
}

/** Alive: no loop hangs. While a server is away they wait for it, and a new process would do no better. */
export const loopCheck = (reports: Reports, servers: () => Check[]): Check => {
  const isStuck = ([, { trouble }]: [string, Heartbeat]): boolean =>
    trouble?.reason === 'not_reading' && trouble.forMs >= STUCK_MS
  const look = async (): Promise<Finding> => {
    const stuck = reports.read().filter(isStuck)
    if (stuck.length === 0) return { isOk: true, says: 'the event loop answers, no loop hangs' }
    const found = await Promise.all(servers().map(lookInTime))
    const away = found.filter(({ isOk }) => !isOk).map(({ says }) => says)
    const says = stuck.map(([subject, beat]) => wordsOf(subject, beat)).join('; ')
    return away.length > 0 ? { isOk: true, says: `${says}; ${away.join('; ')}` } : { isOk: false, says }
  }
  return { name: 'loops', look }
}
