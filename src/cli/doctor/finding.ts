import { within } from '../../lib/every.ts'
import { reasonOf } from '../../workers/until-reachable.ts'

export type Level = 'ok' | 'warn' | 'FAIL'

/** What a look told: in plain words, and what to do where it is not well. */
export type Verdict = { level: Level; found: string; remedy?: string }

/** A line of the report. `area`: which server or venue; `what`: which of its properties. */
export type Finding = Verdict & { area: string; what: string }

export const ok = (found: string): Verdict => ({ level: 'ok', found })
export const warn = (found: string, remedy: string): Verdict => ({ level: 'warn', found, remedy })
export const fail = (found: string, remedy: string): Verdict => ({ level: 'FAIL', found, remedy })

export type Look = {
  what: string
  look: () => Promise<Verdict>
  /** What to do where the look itself fails. */
  remedy: string
  limitMs?: number
}

/** A look takes milliseconds where all is well. */
const LIMIT_MS = 8_000

const examineOne = async (area: string, { what, look, remedy, limitMs = LIMIT_MS }: Look): Promise<Finding> => {
  const late = `no answer within ${limitMs / 1_000} s`
  try {
    return { area, what, ...(await within(look(), limitMs, late)) }
  } catch (error) {
    return { area, what, ...fail(reasonOf(error), remedy) }
  }
}

/** All at once, each bounded in time: one that fails or hangs hides no other. */
export const examine = (area: string, looks: Look[]): Promise<Finding[]> =>
  Promise.all(looks.map((look) => examineOne(area, look)))
