import { DefaultLogger, Runtime, type RuntimeOptions } from '@temporalio/worker'
import { freePort } from '../local/ports.ts'
import type { Logger } from '../lib/log.ts'
import { reasonOf } from './until-reachable.ts'

/** Somebody may take the port between our look and the SDK's. */
const ATTEMPTS = 3
const ANSWER_MS = 1_000

const baseOptions = (log: Logger): RuntimeOptions => ({
  // We stop by ourselves: a signal that comes while we still connect must end the process too.
  shutdownSignals: [],
  logger: new DefaultLogger('WARN', ({ level, message, meta }) => {
    // Said of every worker that runs activities alone, as ours are meant to.
    if (message.startsWith('No workflows registered')) return
    const { workflowId, activityType, attempt, error } = meta ?? {}
    const about = { workflowId, activityType, attempt, error: error === undefined ? undefined : reasonOf(error) }
    if (level === 'ERROR') log.error(about, message)
    else log.warn(about, message)
  }),
})

const withMetrics = (bindAddress: string): NonNullable<RuntimeOptions['telemetryOptions']> => ({
  metrics: {
    prometheus: { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true },
    attachServiceName: false,
  },
})

const fetchText = async (url: string): Promise<string> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) })
    return response.ok ? await response.text() : ''
  } catch {
    return ''
  }
}

/** Installs the SDK's runtime. Returns its own metrics as text: it serves them by a port of loopback, and by that alone. */
export const installRuntime = async (log: Logger): Promise<() => Promise<string>> => {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const bindAddress = `127.0.0.1:${await freePort(0)}`
    try {
      Runtime.install({ ...baseOptions(log), telemetryOptions: withMetrics(bindAddress) })
      return () => fetchText(`http://${bindAddress}/metrics`)
    } catch (error) {
      log.debug(`the metrics of the Temporal SDK found no port: ${reasonOf(error)}`)
    }
  }
  log.warn('the metrics of the Temporal SDK are missing: it found no free port')
  Runtime.install(baseOptions(log))
  return () => Promise.resolve('')
}
