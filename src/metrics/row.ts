/** Whose page a metric is on. Prometheus knows it as the job. */
export type Role = 'control' | 'feed' | 'normalizer' | 'archive'

/**
 * Where the values are found when somebody scrapes: figures of `Stats` by their names. `figure`: one, without a label.
 * `figures`: one a label value. `family`: all that are named `<family>:<label value>`; `values` are shown as 0 before they
 * are first counted. `share`: one figure over another, absent while that is 0. `distributions`: those that are kept under
 * these names, one a label value ('' = without a label). `per`: so many of the figure's unit make one of the metric's.
 */
type Source =
  | { from: 'figure'; figure: string; per?: number }
  | { from: 'figures'; figures: Readonly<Record<string, string>>; per?: number }
  | { from: 'family'; family: string; values: readonly string[]; per?: number }
  | { from: 'share'; part: string; whole: string }
  | { from: 'distributions'; distributions: Readonly<Record<string, string>>; per?: number }

/** One metric of ours. `label`: its only one; '' where there is none. Its values are a bounded set, never ids of markets. */
export type MetricRow = {
  name: `polytape_${string}`
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  label: string
  roles: readonly Role[]
  source: Source
}

export const EVERY_ROLE: readonly Role[] = ['control', 'feed', 'normalizer', 'archive']

/** A figure under the label value of a family. */
export const inFamily = (family: string, value: string): string => `${family}:${value}`
