import { readFileSync } from 'node:fs'
import type { System } from '../../test/support/system.ts'

const ROLES = ['control', 'feed', 'normalizer', 'archive']
const WARN = /"level":[456]0,/

const linesOf = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return [] // It never began.
  }
}

/** What the roles warned of, a line each: a shard that changed hands explains a bad figure better than any other. */
export const complaintsOf = ({ folder }: System): string[] =>
  ROLES.flatMap((role) => {
    const warnings = linesOf(folder.state.logPath(role)).filter((line) => WARN.test(line))
    const last = warnings.at(-1)
    return last === undefined ? [] : [`${role} warned ${warnings.length} times, last: ${last.slice(0, 300)}`]
  })
