import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readConfig, type Config } from '../../config.ts'
import { within } from '../../lib/every.ts'
import { reasonOf } from '../../workers/until-reachable.ts'
import type { Palette } from '../polytape/paint.ts'
import { findPlaces } from '../polytape/places.ts'
import { fail, type Finding } from './finding.ts'
import type { Patient, Probe, VenuePlaces } from './probe.ts'
import { PROBES } from './registry.ts'
import { isBad, reportJson, reportText } from './report.ts'
import { knownSecrets, withoutSecrets } from './secrets.ts'

/** Above what the looks of one probe may take one after the other. */
const PROBE_LIMIT_MS = 45_000

const runFile = z.object({
  venueUrls: z.object({ ws: z.string(), gamma: z.string(), clob: z.string(), data: z.string() }),
})

/** The venue that the environment names, else that of the running `npm start`, else the live one. */
const findVenue = (config: Config, environment: NodeJS.ProcessEnv): VenuePlaces => {
  const given = {
    ws: config.POLYMARKET_WS_URL,
    gamma: config.POLYMARKET_GAMMA_URL,
    clob: config.POLYMARKET_CLOB_URL,
    data: config.POLYMARKET_DATA_URL,
  }
  if ((environment['POLYMARKET_WS_URL'] ?? '') !== '') return given
  try {
    return runFile.parse(JSON.parse(readFileSync(join(config.POLYTAPE_STATE_DIR, 'run.json'), 'utf8'))).venueUrls
  } catch {
    return given
  }
}

export const findPatient = (environment: NodeJS.ProcessEnv): Patient => {
  const config = readConfig(environment)
  return { config, environment, places: findPlaces(environment), venue: findVenue(config, environment) }
}

const runProbe = async ({ area, run }: Probe, patient: Patient): Promise<Finding[]> => {
  try {
    return await within(run(patient), PROBE_LIMIT_MS, `not finished within ${PROBE_LIMIT_MS / 1_000} s`)
  } catch (error) {
    return [{ area, what: 'looked at', ...fail(reasonOf(error), 'look at this server by its own tools') }]
  }
}

/** Whatever a server answered, no secret of ours is in it. */
const cleaned = (finding: Finding, secrets: string[]): Finding => {
  const { found, remedy } = finding
  const clean = { ...finding, found: withoutSecrets(found, secrets) }
  return remedy === undefined ? clean : { ...clean, remedy: withoutSecrets(remedy, secrets) }
}

/** What is wrong with the servers and the venue, and what to do. */
export const examineAll = async (patient: Patient, probes: Probe[] = PROBES): Promise<Finding[]> => {
  const secrets = knownSecrets(patient)
  const found = await Promise.all(probes.map((probe) => runProbe(probe, patient)))
  return found.flat().map((finding) => cleaned(finding, secrets))
}

/** @returns the text to print and the exit code: 1 where something does not do. */
export const runDoctor = async (
  environment: NodeJS.ProcessEnv,
  { isJson, palette }: { isJson: boolean; palette: Palette },
): Promise<{ text: string; code: number }> => {
  const findings = await examineAll(findPatient(environment))
  const text = isJson ? reportJson(findings) : reportText(findings, palette)
  return { text, code: isBad(findings) ? 1 : 0 }
}
