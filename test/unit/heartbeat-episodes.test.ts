import { describe, expect, test } from 'vitest'
import { planEpisodes, withoutSteps, type OpenAlert } from '../../src/heartbeats/episodes.ts'
import type { Step } from '../../src/heartbeats/ladder.ts'
import type { Problem } from '../../src/heartbeats/silence.ts'

const problemOf = (subject: string): Problem => ({
  kind: 'market_channel',
  subject,
  reason: 'silent',
  detail: '',
  epoch: '1-a',
  concerned: { type: 'nobody' },
})

const planOf = (open: OpenAlert[], subjects: string[], unknown: string[] = []) =>
  planEpisodes(open, {
    problems: new Map(subjects.map((subject) => [subject, problemOf(subject)])),
    unknown: new Set(unknown),
    gone: [],
  })

/** The steps of one episode, from the check that raises it. */
const climb = (subject: string, checks: number): (Step | undefined)[] => {
  const steps = [planOf([], [subject]).raised[0]?.step]
  let lastStep = steps[0]
  for (let check = 1; check < checks; check++) {
    const step = planOf([{ alertId: '1', subject, lastStep }], [subject]).kept[0]?.step
    steps.push(step)
    lastStep = step ?? lastStep
  }
  return steps
}

describe('an episode', () => {
  test('of a connection resyncs, moves, reconnects and pages, one step a check, and then waits', () => {
    const steps = ['resync', 'move', 'reconnect', 'page', undefined, undefined]
    expect(climb('connection:0:a:0', 6)).toEqual(steps)
  })

  test('of frames that are not applied asks for books before it pages', () => {
    expect(climb('applied:0:a', 3)).toEqual(['resync', 'page', undefined])
  })

  test.each(['feed:0:a', 'normalizer:0', 'catalog:refreshCatalog', 'liveness:0:a', 'redis:heartbeats'])(
    'of %s pages nobody with the check that raises it, and once with the next',
    (subject) => {
      expect(climb(subject, 4)).toEqual([undefined, 'page', undefined, undefined])
    },
  )

  test('is one, however often it is found, and ends with the first check that does not find it', () => {
    const open: OpenAlert[] = [{ alertId: '7', subject: 'feed:0:a', lastStep: 'page' }]
    expect(planOf(open, ['feed:0:a'])).toMatchObject({ raised: [], kept: [{ alertId: '7' }], recovered: [] })
    expect(planOf(open, [])).toMatchObject({ raised: [], kept: [], recovered: open })
  })

  test('climbs no further by a check that is made again', () => {
    const open: OpenAlert[] = [{ alertId: '7', subject: 'connection:0:a:0', lastStep: 'resync' }]
    const plan = withoutSteps(planOf(open, ['connection:0:a:0', 'connection:0:a:1']))
    expect(plan).toMatchObject({ raised: [{ step: undefined }], kept: [{ alertId: '7', step: undefined }] })
  })

  test('of which nothing is known stays as it is', () => {
    const open: OpenAlert[] = [{ alertId: '7', subject: 'connection:0:a:0', lastStep: 'move' }]
    expect(planOf(open, [], ['connection:0:a:0'])).toEqual({ raised: [], kept: [], recovered: [] })
  })
})
