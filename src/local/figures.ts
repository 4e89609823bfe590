import type { Redis } from 'ioredis'
import { z } from 'zod'

/** `publishedTimeMs` is reckoned from what is left of the key's life. */
type Instance = { role: string; figures: Record<string, number>; publishedTimeMs: number }

/** Life of a `stats:*` key after each publication. */
const STATS_LIFE_MS = 10_000
export type Sample = { atTimeMs: number; instances: Map<string, Instance>; quoteKey: string | undefined }

const schema = z.record(z.string(), z.unknown())

const parseInstance = (key: string, text: string, publishedTimeMs: number): Instance | undefined => {
  const fields = schema.safeParse(JSON.parse(text))
  if (!fields.success) return undefined
  const numbers = Object.entries(fields.data).flatMap(([name, value]) =>
    typeof value === 'number' ? [[name, value]] : [],
  )
  return { role: key.split(':')[1] ?? '', figures: Object.fromEntries(numbers), publishedTimeMs }
}

const scan = async (redis: Redis, pattern: string, enough: number): Promise<string[]> => {
  const found: string[] = []
  let cursor = '0'
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 2_000)
    found.push(...keys)
    cursor = next
  } while (cursor !== '0' && found.length < enough)
  return found
}

/** What the roles published within the last ten seconds, and one quote for the example command. */
export const takeSample = async (redis: Redis, earlier: Sample | undefined): Promise<Sample> => {
  const keys = await scan(redis, 'stats:*', Infinity)
  const [texts, lives] = await Promise.all([
    keys.length === 0 ? [] : redis.mget(...keys),
    Promise.all(keys.map((key) => redis.pttl(key))),
  ])
  const atTimeMs = Date.now()
  const instances = new Map<string, Instance>()
  for (const [index, key] of keys.entries()) {
    const text = texts[index]
    const publishedTimeMs = atTimeMs - Math.max(0, STATS_LIFE_MS - (lives[index] ?? STATS_LIFE_MS))
    const instance = typeof text === 'string' ? parseInstance(key, text, publishedTimeMs) : undefined
    if (instance !== undefined) instances.set(key, instance)
  }
  const quoteKey = earlier?.quoteKey ?? (await scan(redis, 'quote:*', 1))[0]
  return { atTimeMs, instances, quoteKey }
}

const values = (sample: Sample, role: string, name: string): number[] =>
  [...sample.instances.values()].flatMap(({ role: own, figures }) => {
    const value = own === role ? figures[name] : undefined
    return value === undefined ? [] : [value]
  })

export const sumOf = (sample: Sample, role: string, name: string): number | undefined => {
  const some = values(sample, role, name)
  return some.length === 0 ? undefined : some.reduce((sum, value) => sum + value, 0)
}

/** A counter that a running role has not counted yet is 0, and not unknown. */
export const countOf = (sample: Sample, role: string, name: string): number | undefined => {
  const present = [...sample.instances.values()].some((instance) => instance.role === role)
  return sumOf(sample, role, name) ?? (present ? 0 : undefined)
}

/** Time from the newest frame to the moment its figure was published. */
export const newestAgeOf = (sample: Sample, role: string): number | undefined => {
  const ages = [...sample.instances.values()].flatMap((instance) => {
    const newest = instance.role === role ? instance.figures['newestFrameTimeMs'] : undefined
    return newest === undefined || newest === 0 ? [] : [Math.max(0, instance.publishedTimeMs - newest)]
  })
  return ages.length === 0 ? undefined : Math.min(...ages)
}

export const maxOf = (sample: Sample, role: string, name: string): number | undefined => {
  const some = values(sample, role, name)
  return some.length === 0 ? undefined : Math.max(...some)
}

/** Growth of one counter between two looks; a process that started in between, or began anew, counts from 0. */
const growth = (now: Instance, before: Instance | undefined, sinceTimeMs: number, name: string): number => {
  const value = now.figures[name] ?? 0
  if (before === undefined) return (now.figures['startedTimeMs'] ?? 0) >= sinceTimeMs ? value : 0
  const earlier = before.figures[name] ?? 0
  return value >= earlier ? value - earlier : value
}

/** A second, over all processes of the role; undefined until there are two looks. */
export const rateOf = (now: Sample, before: Sample | undefined, role: string, name: string): number | undefined => {
  if (before === undefined || now.atTimeMs <= before.atTimeMs) return undefined
  if (countOf(now, role, name) === undefined) return undefined
  const grown = [...now.instances.entries()]
    .filter(([, instance]) => instance.role === role)
    .map(([key, instance]) => growth(instance, before.instances.get(key), before.atTimeMs, name))
  return (grown.reduce((sum, value) => sum + value, 0) * 1_000) / (now.atTimeMs - before.atTimeMs)
}
