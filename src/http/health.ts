import { within } from '../lib/every.ts'
import type { Answer, Route } from './server.ts'

/** What a look found, in plain words; nothing secret, since anybody who reaches the port reads it. */
export type Finding = { isOk: boolean; says: string }
export type Look = () => Finding | Promise<Finding>
export type Check = { name: string; look: Look }

export type Health = {
  /** The process is alive while all of these are well: what a restart would mend. Returns what takes the check away. */
  aliveWhile(check: Check): () => void
  /** It is ready while all of these are well. */
  readyWhile(check: Check): () => void
  routes: Route[]
}

const LOOK_MS = 2_000
/** Whoever asks more often hears the same again. */
const KEPT_MS = 500

const lookAt = async ({ name, look }: Check): Promise<[string, Finding]> => {
  try {
    return [name, await within(Promise.resolve(look()), LOOK_MS, '')]
  } catch {
    return [name, { isOk: false, says: `it could not be told within ${LOOK_MS / 1_000} s` }]
  }
}

/** All at once, and one round at a time however many ask. */
const createAnswer = (checks: ReadonlySet<Check>, words: { well: string; ill: string }): (() => Promise<Answer>) => {
  let round: { answer: Promise<Answer>; beganTimeMs: number } | undefined
  const look = async (): Promise<Answer> => {
    const found = await Promise.all([...checks].map(lookAt))
    const isWell = found.every(([, { isOk }]) => isOk)
    const shown = found.map(([name, { isOk, says }]) => ({ name, ok: isOk, says }))
    return { status: isWell ? 200 : 503, body: { status: isWell ? words.well : words.ill, checks: shown } }
  }
  return () => {
    if (round === undefined || Date.now() - round.beganTimeMs > KEPT_MS)
      round = { answer: look(), beganTimeMs: Date.now() }
    return round.answer
  }
}

/** `/healthz` and `/readyz`: 200, or 503 with what is wrong. */
export const createHealth = (): Health => {
  const alive = new Set<Check>()
  const ready = new Set<Check>()
  const add = (checks: Set<Check>, check: Check): (() => void) => {
    checks.add(check)
    return () => void checks.delete(check)
  }
  return {
    aliveWhile: (check) => add(alive, check),
    readyWhile: (check) => add(ready, check),
    routes: [
      { method: 'GET', path: '/healthz', answer: createAnswer(alive, { well: 'alive', ill: 'stuck' }) },
      { method: 'GET', path: '/readyz', answer: createAnswer(ready, { well: 'ready', ill: 'not ready' }) },
    ],
  }
}
