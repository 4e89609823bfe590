import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { takesKeyLocking } from '../../lib/redis-script.ts'
import { blockRefusal } from '../../stream/ready-wait.ts'
import { fail, ok, warn, type Verdict } from './finding.ts'
import { megabytes } from './numbers.ts'

type Connect = () => Promise<Redis>

/** Looks that leave a connection in a state of its own, or may lose it, have one of their own. */
const alone = async <T>(connect: Connect, look: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = await connect()
  try {
    return await look(redis)
  } finally {
    redis.disconnect()
  }
}

const probeName = (): string => `polytape:doctor:${randomBytes(6).toString('hex')}`

export const blockVerdict = (connect: Connect): Promise<Verdict> =>
  alone(connect, async (redis) => {
    const refused = await blockRefusal(redis)
    if (refused === undefined) return ok('commands may wait (BZMPOP)')
    const remedy = 'nothing has to be done. To save commands: allow BZMPOP, or connect past the proxy that refuses it'
    return warn(`commands may not wait (${refused}): the normalizer polls, every 5 to 250 ms`, remedy)
  })

/** Who forbids the category @blocking forbids XREAD as well, though it waits only where it is told to. */
export const streamVerdict = async (redis: Redis): Promise<Verdict> => {
  try {
    await redis.xread('COUNT', 1, 'STREAMS', probeName(), '0-0')
    return ok('they are read (XREAD)')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return fail(
      `they are not read: ${reason}`,
      'allow XREAD (ACL SETUSER <user> +xread): it is of @blocking, and waits for nothing',
    )
  }
}

const PLAIN = 'return ARGV[1]'

export const scriptVerdict = async (redis: Redis): Promise<Verdict> => {
  const answer = await redis.eval(PLAIN, 1, probeName(), 'kept')
  if (answer !== 'kept')
    return fail(`a script that returns its argument returned ${String(answer)}`, 'use a Redis with EVAL')
  if (await takesKeyLocking(redis)) return ok('scripts run, and lock only the keys that they name (allow-key-locking)')
  return ok('scripts run; the flag allow-key-locking is unknown, as to every plain Redis')
}

export const pubSubVerdict = (connect: Connect): Promise<Verdict> =>
  alone(connect, (subscriber) =>
    alone(connect, async (publisher) => {
      const channel = probeName()
      const heard = new Promise<Verdict>((resolve) => subscriber.once('message', () => resolve(ok('messages arrive'))))
      await subscriber.subscribe(channel)
      await publisher.publish(channel, 'probe')
      return heard
    }),
  )

/** More than polytape ever sends at once; Upstash takes 10 MB. */
const REQUEST_BYTES = 6 * 1024 * 1024

export const requestVerdict = (connect: Connect): Promise<Verdict> =>
  alone(connect, async (redis) => {
    const key = probeName()
    try {
      await redis.set(key, Buffer.alloc(REQUEST_BYTES), 'EX', 10)
      return ok(`one of ${megabytes(REQUEST_BYTES)} is taken`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const remedy = reason.startsWith('OOM')
        ? 'it is full: see memory'
        : 'raise its limit to 10 MB (proto-max-bulk-len, or the plan)'
      return fail(`one of ${megabytes(REQUEST_BYTES)} is refused: ${reason}`, remedy)
    } finally {
      await redis.del(key).catch(() => undefined)
    }
  })
