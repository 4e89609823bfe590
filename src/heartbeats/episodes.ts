import { nextStep, type Step } from './ladder.ts'
import type { Findings, Problem } from './silence.ts'

/** An alert that has not recovered: one a subject. */
export type OpenAlert = { alertId: string; subject: string; lastStep: Step | undefined }

export type Plan = {
  raised: { problem: Problem; step: Step | undefined }[]
  kept: { alertId: string; problem: Problem; step: Step | undefined }[]
  recovered: OpenAlert[]
}

/** What this check changes. An alert of which nothing is known now stays as it is. */
export const planEpisodes = (open: OpenAlert[], { problems, unknown }: Findings): Plan => {
  const plan: Plan = { raised: [], kept: [], recovered: [] }
  const subjects = new Set(open.map(({ subject }) => subject))
  for (const alert of open) {
    const { alertId, subject, lastStep } = alert
    const problem = problems.get(subject)
    if (problem !== undefined) plan.kept.push({ alertId, problem, step: nextStep(subject, lastStep, false) })
    else if (!unknown.has(subject)) plan.recovered.push(alert)
  }
  for (const problem of problems.values()) {
    if (!subjects.has(problem.subject)) {
      plan.raised.push({ problem, step: nextStep(problem.subject, undefined, true) })
    }
  }
  return plan
}

/** A check that is made again may have taken its steps already: the ladder is climbed once a check. */
export const withoutSteps = ({ raised, kept, recovered }: Plan): Plan => ({
  raised: raised.map((one) => ({ ...one, step: undefined })),
  kept: kept.map((one) => ({ ...one, step: undefined })),
  recovered,
})
