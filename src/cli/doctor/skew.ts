import { fail, ok, warn, type Verdict } from './finding.ts'
import { msText } from './numbers.ts'

type Reading = {
  theirsMs: number
  sentMs: number
  receivedMs: number
  /** How exact their clock was told, either way. */
  toleranceMs: number
  whose: string
}

const WARN_MS = 500
/** Rows would lie in another hour, near midnight in another day. */
const FAIL_MS = 30_000

/** Theirs was read somewhere between the two of ours; what that leaves open is not held against it. */
export const skewVerdict = ({ theirsMs, sentMs, receivedMs, toleranceMs, whose }: Reading): Verdict => {
  const skewMs = theirsMs - (sentMs + receivedMs) / 2
  const openMs = (receivedMs - sentMs) / 2 + toleranceMs
  const leastMs = Math.max(0, Math.abs(skewMs) - openMs)
  const found = `${whose} clock is ${msText(Math.abs(skewMs))} ${skewMs < 0 ? 'behind' : 'ahead of'} ours, give or take ${msText(openMs)}`
  const remedy = 'set the clock of this machine by NTP (timedatectl), or of the other one if that is wrong'
  if (leastMs > FAIL_MS) return fail(`${found}: what is recorded would lie at another time`, remedy)
  return leastMs > WARN_MS ? warn(found, remedy) : ok(found)
}
