import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../src/local/repository.ts'
import { verdictOf } from './figure.ts'
import { machineFacts, versionFacts } from './machine.ts'
import type { Outcome } from './table.ts'

const FOLDER = join(REPOSITORY, 'bench-results')

export type Report = { path: string; write: (outcomes: Outcome[]) => void }

/** One JSON file a run, written anew after each scenario: what was measured stays, whatever comes after it. */
export const openReport = async (options: Record<string, unknown>): Promise<Report> => {
  const startedAt = new Date().toISOString()
  const facts = { startedAt, options, machine: machineFacts(), versions: await versionFacts() }
  const path = join(FOLDER, `${startedAt.replaceAll(':', '-')}.json`)
  mkdirSync(FOLDER, { recursive: true })
  const withVerdicts = (outcome: Outcome) => ({
    ...outcome,
    figures: outcome.figures.map((one) => ({ ...one, verdict: verdictOf(one) })),
  })
  return {
    path,
    write: (outcomes) =>
      writeFileSync(path, `${JSON.stringify({ ...facts, scenarios: outcomes.map(withVerdicts) }, null, 2)}\n`),
  }
}
