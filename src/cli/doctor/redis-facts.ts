import type { Redis } from 'ioredis'
import { fail, ok, warn, type Verdict } from './finding.ts'
import { megabytes } from './numbers.ts'

/** Fields of INFO. A managed server may leave any of them out. */
export type Facts = ReadonlyMap<string, string>

export const readInfo = async (redis: Redis): Promise<Facts> => {
  const text = await redis.info()
  const pairs = text.split(/\r?\n/).map((line): [string, string] => {
    const at = line.indexOf(':')
    return [line.slice(0, at), line.slice(at + 1)]
  })
  return new Map(pairs)
}

const OLDEST: [major: number, minor: number] = [6, 2]

/** XTRIM MINID came with 6.2. BZMPOP, of 7, is told under BLOCK. */
export const versionVerdict = (facts: Facts): Verdict => {
  const version = facts.get('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (version === '') return warn('it does not say', 'make sure that it is Redis 7, or what calls itself compatible')
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return ok(`Redis ${version}`)
  return fail(`Redis ${version}: it lacks XTRIM … MINID`, 'use Redis 7 or later')
}

const WARN_SHARE = 0.6
const FAIL_SHARE = 0.8

/** Without a limit of its own Redis has what its machine has. */
const limitOf = (facts: Facts): { limit: number; whose: string } => {
  const limit = Number(facts.get('maxmemory') ?? 0)
  return limit > 0
    ? { limit, whose: '' }
    : { limit: Number(facts.get('total_system_memory') ?? 0), whose: ' of its machine' }
}

/** Without eviction a full Redis refuses frames: the feeds hold them back as far as their buffer goes, then there are gaps. */
export const memoryVerdict = (facts: Facts): Verdict => {
  const used = Number(facts.get('used_memory') ?? Number.NaN)
  const { limit, whose } = limitOf(facts)
  if (Number.isNaN(used))
    return warn('it does not say', 'watch its memory at its provider: at 60 % act, at 80 % act now')
  if (limit === 0) return ok(`${megabytes(used)} used, of no limit that it tells`)
  const share = used / limit
  const found = `${megabytes(used)} of ${megabytes(limit)}${whose} used, ${Math.round(share * 100)} %`
  const remedy = 'give it more, or record fewer markets; a stream that grows has a normalizer that does not keep up'
  if (share >= FAIL_SHARE) return fail(`${found}: when it is full it refuses frames`, remedy)
  return share >= WARN_SHARE ? warn(found, remedy) : ok(`${found} (warns at 60 %, fails at 80 %)`)
}

export const evictionVerdict = (facts: Facts): Verdict => {
  const policy = facts.get('maxmemory_policy')
  if (policy === undefined) return warn('it does not say', 'turn eviction off at its provider')
  if (policy === 'noeviction') return ok('off (noeviction)')
  const found = `on (${policy}): it may drop a stream whose frames nobody else has`
  return fail(found, 'turn it off: CONFIG SET maxmemory-policy noeviction, or at its provider')
}

export const appendOnlyVerdict = (facts: Facts): Verdict => {
  const enabled = facts.get('aof_enabled')
  if (enabled === '1') return ok('on')
  const remedy =
    'CONFIG SET appendonly yes. Without it a restart loses what is not committed yet: a recorded gap each time'
  if (enabled === '0') return warn('off', remedy)
  return ok('it does not say, as managed ones that keep everything do not')
}
