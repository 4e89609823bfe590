/** What a process, or Postgres, has used since it began. Counters: they only grow. */
export const USAGE_NAMES = [
  'frames',
  /** As a provider bills them: each command of a pipeline, and a script as one. */
  'redisCommands',
  'redisRoundTrips',
  /** With those that scripts run inside. */
  'redisInnerCommands',
  'redisSentBytes',
  'redisReceivedBytes',
  'bookRows',
  'rows',
  /** Of those rows, with their indexes. */
  'storedBytes',
  'walBytes',
  'postgresSentBytes',
  'postgresReceivedBytes',
  'storeSentBytes',
  'webhookSentBytes',
  'workflowActions',
  'activityActions',
  'signalActions',
  'timerActions',
  'scheduleActions',
  'heartbeatActions',
  'otherActions',
] as const
export type UsageName = (typeof USAGE_NAMES)[number]
export type Usage = Record<UsageName, number>

/** `startedTimeMs`: when its counters stood at 0. */
export type Meter = { usage: Usage; startedTimeMs: number; readTimeMs: number }

/** What was used within a time. */
export type Span = { usage: Usage; elapsedMs: number }

export const NOTHING_USED: Usage = {
  frames: 0,
  redisCommands: 0,
  redisRoundTrips: 0,
  redisInnerCommands: 0,
  redisSentBytes: 0,
  redisReceivedBytes: 0,
  bookRows: 0,
  rows: 0,
  storedBytes: 0,
  walBytes: 0,
  postgresSentBytes: 0,
  postgresReceivedBytes: 0,
  storeSentBytes: 0,
  webhookSentBytes: 0,
  workflowActions: 0,
  activityActions: 0,
  signalActions: 0,
  timerActions: 0,
  scheduleActions: 0,
  heartbeatActions: 0,
  otherActions: 0,
}

export const mapUsage = (toAmount: (name: UsageName) => number): Usage => {
  const usage = { ...NOTHING_USED }
  for (const name of USAGE_NAMES) usage[name] = toAmount(name)
  return usage
}

/** A process that began anew under its name counts from 0 again; of one that was there before it was looked at nobody knows. */
const grown = (now: Meter, before: Meter | undefined, sinceTimeMs: number): Usage => {
  if (before !== undefined && before.startedTimeMs === now.startedTimeMs) {
    return mapUsage((name) => Math.max(0, now.usage[name] - before.usage[name]))
  }
  return now.startedTimeMs >= sinceTimeMs ? now.usage : NOTHING_USED
}

export type Meters = ReadonlyMap<string, Meter>

/** What all used between two readings. What one counted after its last reading, and then ended, is not in it. */
export const usedBetween = (before: Meters, now: Meters, times: { fromMs: number; toMs: number }): Span => {
  const parts = [...now].map(([name, meter]) => grown(meter, before.get(name), times.fromMs))
  const usage = mapUsage((name) => parts.reduce((sum, part) => sum + part[name], 0))
  return { usage, elapsedMs: times.toMs - times.fromMs }
}
