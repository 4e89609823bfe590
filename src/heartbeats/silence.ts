import { feedOf, feedSubject, kindOf, type FeedKind, type Heartbeat, type TroubleReason } from '../domain/heartbeat.ts'

export type Windows = Record<FeedKind, number>

/** A report as it stands in Redis: stamped by Redis's clock when it was written. */
export type Report = Pick<Heartbeat, 'trouble' | 'epoch'> & { stampedTimeMs: number }

/** By Redis's clock. `sinceTimeMs`: since when there were checks without a pause; what was before that nobody watched. */
export type Reports = { nowMs: number; sinceTimeMs: number; bySubject: ReadonlyMap<string, Report> }

/** Whose books may be wrong: those named, or all of a feed group or shard; nobody's where only a watch is blind. */
type Concerned =
  | { type: 'markets'; marketIds: string[] }
  | { type: 'group'; group: number }
  | { type: 'shard'; shard: number }
  | { type: 'nobody' }

/** What alerts are about: what should come and does not, tables that lack a partition, days that cannot be archived, a budget. */
export type AlertKind = FeedKind | 'partitions' | 'archive' | 'cost'

export type Problem = {
  kind: AlertKind
  subject: string
  reason: TroubleReason | 'partition_missing' | 'archive_failed' | 'budget_exceeded'
  detail: string
  epoch: string
  concerned: Concerned
}

/** `unknown`: nothing can be said now, neither alarm nor recovery. `gone`: reports that nobody writes any more. */
export type Findings = { problems: Map<string, Problem>; unknown: Set<string>; gone: string[] }

type Looked = { reports: Reports; expected: ReadonlySet<string>; windows: Windows }
type Verdict = { type: 'well' } | { type: 'unknown' } | { type: 'gone' } | { type: 'problem'; problem: Problem }

const WELL: Verdict = { type: 'well' }
const UNKNOWN: Verdict = { type: 'unknown' }
const GONE: Verdict = { type: 'gone' }

/** Reports come every second: an older one says nothing of now, and who was passed over by its feed is no more. */
const FRESH_MS = 5_000

const numberAfter = (subject: string): number => Number(subject.split(':')[1] ?? '')

/** All that a process looks after, where the process itself is the trouble. */
const wholeOf = (subject: string): Concerned => {
  if (subject.startsWith('feed:')) return { type: 'group', group: numberAfter(subject) }
  if (subject.startsWith('normalizer:')) return { type: 'shard', shard: numberAfter(subject) }
  return { type: 'nobody' }
}

const missing = (kind: FeedKind, subject: string, ageMs: number): Verdict => {
  const detail = `nothing was reported for ${Math.round(ageMs / 1_000)} s`
  return {
    type: 'problem',
    problem: { kind, subject, reason: 'no_report', detail, epoch: '', concerned: wholeOf(subject) },
  }
}

const judgeTrouble = (kind: FeedKind, subject: string, { report, windowMs }: Judged): Verdict => {
  const { trouble, epoch } = report
  if (trouble === undefined || trouble.forMs <= windowMs) return WELL
  const { reason, detail, markets } = trouble
  const marketIds = [...markets].filter(([, forMs]) => forMs > windowMs).map(([marketId]) => marketId)
  const concerned: Concerned =
    kind === 'normalizer' && markets.size === 0 ? wholeOf(subject) : { type: 'markets', marketIds }
  return { type: 'problem', problem: { kind, subject, reason, detail, epoch, concerned } }
}

type Judged = { report: Report; windowMs: number }

/** A second replica that has reported is needed as long as its group is. */
const isNeeded = (subject: string, expected: ReadonlySet<string>): boolean =>
  expected.has(subject) || expected.has(subject.replace(/^(feed:\d+):b$/, '$1:a'))

/** One that a feed reports for is only judged by a report as new as the feed's own. */
const judgeOwned = (subject: string, kind: FeedKind, owner: Report | undefined, looked: Looked): Verdict => {
  const { reports, windows } = looked
  const report = reports.bySubject.get(subject)
  if (report === undefined || owner === undefined) return GONE
  if (owner.stampedTimeMs - report.stampedTimeMs > FRESH_MS) return GONE
  if (reports.nowMs - report.stampedTimeMs > FRESH_MS) return UNKNOWN
  return judgeTrouble(kind, subject, { report, windowMs: windows[kind] })
}

const judgeOwner = (subject: string, kind: FeedKind, looked: Looked): Verdict => {
  const { reports, expected, windows } = looked
  const report = reports.bySubject.get(subject)
  const isExpected = isNeeded(subject, expected)
  if (report === undefined) return isExpected ? UNKNOWN : GONE
  const windowMs = windows[kind]
  const watchedMs = reports.nowMs - Math.max(report.stampedTimeMs, reports.sinceTimeMs)
  // A group that was given up and a shard beyond the present count were ended on purpose.
  if (!isExpected && (kind === 'catalog' || watchedMs > windowMs)) return GONE
  if (watchedMs > windowMs) return missing(kind, subject, reports.nowMs - report.stampedTimeMs)
  if (kind === 'catalog') return WELL
  if (reports.nowMs - report.stampedTimeMs > FRESH_MS) return UNKNOWN
  return judgeTrouble(kind, subject, { report, windowMs })
}

const judge = (subject: string, looked: Looked): Verdict => {
  const kind = kindOf(subject)
  if (kind === undefined) return GONE
  const feed = feedOf(subject)
  if (feed === undefined) return judgeOwner(subject, kind, looked)
  return judgeOwned(subject, kind, looked.reports.bySubject.get(feedSubject(feed)), looked)
}

/** That frames are not applied is what an ailing shard looks like to a feed: one alert says it. */
const withholdUnapplied = ({ problems, unknown }: Findings): void => {
  for (const subject of problems.keys()) {
    if (!subject.startsWith('applied:')) continue
    problems.delete(subject)
    unknown.add(subject)
  }
}

/** Compares what was reported with who should report. Who reports in time and owes nothing raises nothing, ever. */
export const findProblems = (looked: Looked): Findings => {
  const findings: Findings = { problems: new Map(), unknown: new Set(), gone: [] }
  for (const subject of new Set([...looked.reports.bySubject.keys(), ...looked.expected])) {
    const verdict = judge(subject, looked)
    switch (verdict.type) {
      case 'well':
        break
      case 'unknown':
        findings.unknown.add(subject)
        break
      case 'gone':
        findings.gone.push(subject)
        break
      case 'problem':
        findings.problems.set(subject, verdict.problem)
        break
    }
  }
  const isShardTrouble = [...findings.problems.keys()].some((subject) => subject.startsWith('normalizer:'))
  if (isShardTrouble) withholdUnapplied(findings)
  return findings
}
