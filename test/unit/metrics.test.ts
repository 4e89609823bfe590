import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { MetricSample } from '../../src/domain/metric.ts'
import { boundaryAfter, inOrder, metricActs, MetricsFlow } from '../support/metrics-flow.ts'
import { differences, instantsOf, metricsTruth, type Truth } from '../support/metrics-truth.ts'

const valuesOf = ({ values }: MetricSample): Truth =>
  new Map(values.map(({ window, type, text }) => [`${window} ${type}`, text]))

test('every metric of every window equals brute force, through gaps, crossed books, jumps over days, late trades and restarts', () => {
  fc.assert(
    fc.property(metricActs, (acts) => {
      const flow = new MetricsFlow()
      flow.play(acts)
      flow.finish()
      const instants = instantsOf(flow.rows)
      for (const [measuredTimeMs, sample] of flow.written) {
        expect(differences(valuesOf(sample), metricsTruth(instants, flow.fills, measuredTimeMs))).toEqual([])
      }
      const eventTimes = [...flow.rows, ...flow.fills].map(({ capturedTimeMs }) => boundaryAfter(capturedTimeMs))
      expect(inOrder(flow.written.keys())).toEqual(inOrder(eventTimes))
      expect(flow.unannounced).toEqual([])
      expect(flow.lateCount).toBe(0)
    }),
    { numRuns: 1_000 },
  )
})
