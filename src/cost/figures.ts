import { storedBytesOf } from './bytes.ts'
import { NOTHING_USED, type Usage } from './usage.ts'

/** A notice or an alert with its headers, about; every attempt. */
const POST_BYTES = 1_000
const POSTS = ['alertPosts', 'alertPostsFailed', 'alertWebhooks', 'alertWebhookFailures']

type Figures = Readonly<Record<string, number>>

const figure = (figures: Figures, name: string): number => figures[name] ?? 0

const family = (figures: Figures, name: string): [member: string, value: number][] =>
  Object.entries(figures).flatMap(([key, value]): [string, number][] =>
    key.startsWith(`${name}:`) ? [[key.slice(name.length + 1), value]] : [],
  )

const sum = (parts: [string, number][]): number => parts.reduce((total, [, value]) => total + value, 0)

const toActions = (figures: Figures) => {
  const actions = new Map(family(figures, 'temporalActions'))
  const of = (kind: string): number => actions.get(kind) ?? 0
  return {
    workflowActions: of('workflow'),
    activityActions: of('activity'),
    signalActions: of('signal'),
    timerActions: of('timer'),
    scheduleActions: of('schedule'),
    otherActions: of('other'),
  }
}

/** What the figures of a process say that it used. Only a feed's frames are those that came from the venue. */
export const toUsage = (role: string, figures: Figures): Usage => {
  const rows = family(figures, 'rows')
  return {
    ...NOTHING_USED,
    ...toActions(figures),
    frames: role === 'feed' ? figure(figures, 'frames') : 0,
    redisCommands: sum(family(figures, 'redisCalls')),
    redisRoundTrips: figure(figures, 'redis:roundTrips'),
    redisInnerCommands: figure(figures, 'redis:commands'),
    redisSentBytes: figure(figures, 'redisBytes:out'),
    redisReceivedBytes: figure(figures, 'redisBytes:in'),
    bookRows: figure(figures, 'rows:order_books'),
    rows: sum(rows),
    storedBytes: rows.reduce((bytes, [table, count]) => bytes + storedBytesOf(table, count), 0),
    postgresSentBytes: figure(figures, 'postgresBytes:out'),
    postgresReceivedBytes: figure(figures, 'postgresBytes:in'),
    storeSentBytes: figure(figures, 'archiveBytes:written'),
    webhookSentBytes: POSTS.reduce((bytes, name) => bytes + figure(figures, name) * POST_BYTES, 0),
  }
}
