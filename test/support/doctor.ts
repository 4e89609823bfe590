import { examineAll, findPatient } from '../../src/cli/doctor/doctor.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { PROBES } from '../../src/cli/doctor/registry.ts'
import { reportJson, reportText } from '../../src/cli/doctor/report.ts'
import { PLAIN } from '../../src/cli/polytape/paint.ts'

/** All that was ever printed, in either form: to be searched for secrets. */
const printed: string[] = []
export const allPrinted = (): string => printed.join('\n')

/** What the doctor finds in one area, by its name. */
export const lookAt = async (area: string, environment: NodeJS.ProcessEnv): Promise<Map<string, Finding>> => {
  const findings = await examineAll(
    findPatient(environment),
    PROBES.filter((probe) => probe.area === area),
  )
  printed.push(reportText(findings, PLAIN), reportJson(findings))
  return new Map(findings.map((finding) => [finding.what, finding]))
}

/** Names of what is not well. */
export const illIn = (findings: ReadonlyMap<string, Finding>): string[] =>
  [...findings.values()].filter(({ level }) => level !== 'ok').map(({ what, level }) => `${what} ${level}`)

/** `<level> <found> → <remedy>` of one line. */
export const lineOf = (findings: ReadonlyMap<string, Finding>, what: string): string => {
  const finding = findings.get(what)
  return finding === undefined ? `no line "${what}"` : `${finding.level} ${finding.found} → ${finding.remedy ?? ''}`
}
