import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import { callScript } from './script-call.ts'

/** A script that touches no key but those it is given. */
export type RedisScript = (redis: Redis, keys: string[], values: (string | number)[]) => Promise<unknown>

/**
 * Upstash runs a script without this line under a lock on the whole database; Redis and Valkey refuse the flag, and
 * older ones the line. So each server is asked once whether it takes it.
 */
const KEY_LOCKING = '#!lua flags=allow-key-locking\n'

/** By client; absent until its server has answered. */
const answers = new WeakMap<Redis, boolean>()
const asked = new WeakMap<Redis, Promise<boolean>>()

/** A refusal of the line. Anything else (no connection, LOADING, NOAUTH …) says nothing about it. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ReplyError' && error.message.startsWith('ERR')

/** Whether the server takes scripts that lock only their own keys. @throws the client's errors */
export const takesKeyLocking = async (redis: Redis): Promise<boolean> => {
  try {
    await redis.eval(`${KEY_LOCKING}return 1`, 0)
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** Asked anew after an attempt that failed. */
const ask = (redis: Redis): Promise<boolean> => {
  const asking = asked.get(redis) ?? takesKeyLocking(redis)
  asked.set(redis, asking)
  return asking
    .then((answer) => {
      answers.set(redis, answer)
      return answer
    })
    .finally(() => asked.delete(redis))
}

const hashed = (text: string) => ({ text, sha: createHash('sha1').update(text).digest('hex') })

const formsOf = (text: string) => ({ plain: hashed(text.trimStart()), locking: hashed(KEY_LOCKING + text.trimStart()) })

/** By what a call may name the script: its texts and their hashes. */
export const scriptNames = (text: string): string[] =>
  Object.values(formsOf(text)).flatMap((form) => [form.text, form.sha])

/** Runs by its hash, and sends the text where the server does not have it (any more). */
export const createRedisScript = (text: string): RedisScript => {
  const { plain, locking } = formsOf(text)
  return async (redis, keys, values) => {
    const script = (answers.get(redis) ?? (await ask(redis))) ? locking : plain
    try {
      return await callScript(redis, script.sha, keys, values)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return redis.eval(script.text, keys.length, ...keys, ...values)
    }
  }
}
