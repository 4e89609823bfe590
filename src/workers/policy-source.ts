import type { Config } from '../config.ts'
import type { Policy } from '../domain/policy.ts'
import type { Logger } from '../lib/log.ts'
import type { Stats } from '../lib/stats.ts'
import { isPolicyText, readPolicyOf, shorthandPolicy } from '../policy-file.ts'
import { reasonOf } from './until-reachable.ts'

/** Of the newest reading; with a problem, `policy` is the last good one, if there was one. */
type PolicyReading = { policy: Policy | undefined; problem: string | undefined }
export type ReadPolicy = () => Promise<PolicyReading>

const DEFAULT_TOP = 50

type Deps = { config: Config; log: Logger; stats: Stats }

/**
 * Reads the policy anew each time, so that an edit of its file counts within one refresh. One that does not fit changes
 * nothing: the last good policy stays, and it is said and counted at every reading.
 */
export const createPolicySource = ({ config, log, stats }: Deps): ReadPolicy => {
  const { POLYTAPE_POLICY: given, POLYTAPE_MARKETS, POLYTAPE_TOP } = config
  if (given === undefined) {
    const policy = shorthandPolicy(POLYTAPE_MARKETS, POLYTAPE_TOP ?? DEFAULT_TOP)
    return () => Promise.resolve({ policy, problem: undefined })
  }
  let lastGood: Policy | undefined
  return async () => {
    try {
      lastGood = await readPolicyOf(given)
      stats.set('policyInvalid', 0)
      return { policy: lastGood, problem: undefined }
    } catch (error) {
      const problem = `POLYTAPE_POLICY ${isPolicyText(given) ? '' : `${given} `}does not fit: ${reasonOf(error)}`
      const rest = lastGood === undefined ? 'nothing is started or ended' : 'the last good policy stays in force'
      log.error(`${problem}; ${rest}`)
      stats.count('policyErrors')
      stats.set('policyInvalid', 1)
      return { policy: lastGood, problem }
    }
  }
}
