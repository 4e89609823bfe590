import { createStandingLook } from '../activities/standing-figures.ts'
import { oneAtATime } from '../lib/every.ts'
import type { RoleContext } from './main.ts'
import { reasonOf } from './until-reachable.ts'

const LOOK_EVERY_MS = 15_000

/** Looks at what stands in Postgres and Redis, now and every 15 s, until disposed. */
export const openStanding = ({ log, stats, resources: { pool, redis } }: RoleContext): Disposable => {
  const look = oneAtATime(createStandingLook({ pool, redis, stats }), (error) =>
    log.warn(`could not look at what stands in Postgres and Redis: ${reasonOf(error)}`),
  )
  look()
  const timer = setInterval(look, LOOK_EVERY_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
